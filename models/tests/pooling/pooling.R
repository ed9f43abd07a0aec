# Makes long.csv and pooled.csv of this folder with R and mice: completed tables, and what mice pools from them.
#
#     Rscript pooling.R
#
# They were made with R 4.2.2 and mice 3.15.0 (Debian 12: r-base-core, r-cran-mice).
suppressPackageStartupMessages(library(mice))
invisible(Sys.setlocale("LC_COLLATE", "C"))
set.seed(32)
n <- 40
m <- 4
exact <- function(x) if (is.numeric(x)) ifelse(is.na(x), NA, vapply(x, format, "", digits = 10)) else x

x1 <- round(rnorm(n), 4)
x2 <- round(rnorm(n) + 0.4 * x1, 4)
g <- sample(c("a", "B", "c"), n, replace = TRUE)
h <- sample(c("low", "high"), n, replace = TRUE)
k <- sample(c(2, 10, 3), n, replace = TRUE)
y <- round(1 + 0.8 * x1 - 0.5 * x2 + (g == "c") + 0.6 * (h == "low") * x1 + rnorm(n), 4)
z <- ifelse(runif(n) < plogis(0.3 + 0.9 * x1 - 0.4 * x2), "yes", "no")
whole <- data.frame(y, x1, `x 2` = x2, g, h, k, z, check.names = FALSE)

# Cells are hidden, and each is filled in with that of another row: only the arithmetic behind is tested.
hidden <- sapply(whole, function(column) runif(n) < 0.15)
incomplete <- whole
incomplete[hidden] <- NA
completed <- lapply(1:m, function(i) {
  table <- incomplete
  for (name in names(table)) {
    gaps <- is.na(table[[name]])
    table[[name]][gaps] <- sample(table[[name]][!gaps], sum(gaps), replace = TRUE)
  }
  table$w <- as.integer(table$z == "yes")
  table
})
incomplete$w <- as.integer(incomplete$z == "yes")

long <- do.call(rbind, lapply(0:m, function(i) {
  cbind(.imp = i, .id = 1:n, if (i == 0) incomplete else completed[[i]])
}))
write.csv(as.data.frame(lapply(long, exact), check.names = FALSE), "long.csv", row.names = FALSE, quote = FALSE)

# To the maximum: by default glm ends earlier.
to_maximum <- glm.control(epsilon = 1e-14, maxit = 100)
cases <- list(
  list("gaussian", "y ~ 1"),
  list("gaussian", "y ~ x1 + `x 2`"),
  list("gaussian", "y ~ x1 + g + h"),
  list("gaussian", "y ~ x1*`x 2`"),
  list("gaussian", "y ~ g*x1 + h"),
  list("gaussian", "y ~ g:h"),
  list("gaussian", "y ~ 0 + g:h"),
  list("gaussian", "y ~ g*h"),
  list("gaussian", "y ~ x1:g + h - 1"),
  list("gaussian", "y ~ 0 + h + g"),
  list("gaussian", "y ~ 0 + x1 + g:x1"),
  list("gaussian", "y ~ factor(k) + k:h"),
  list("gaussian", "y ~ (x1 + `x 2` + h)^2 - x1:h"),
  list("binomial", "w ~ 1"),
  list("binomial", "w ~ x1 + `x 2`"),
  list("binomial", "z ~ x1 + h"),
  list("binomial", "z ~ x1*h - 1")
)
pooled <- do.call(rbind, lapply(cases, function(case) {
  fits <- lapply(completed, function(table) {
    table$z <- factor(table$z)
    formula <- as.formula(case[[2]])
    if (case[[1]] == "gaussian") lm(formula, table) else glm(formula, binomial, table, control = to_maximum)
  })
  pool <- pool(as.mira(fits))
  s <- summary(pool, conf.int = TRUE)
  p <- pool$pooled
  data.frame(
    family = case[[1]], formula = case[[2]], term = as.character(s$term), m = p$m, estimate = s$estimate,
    std_error = s$std.error, statistic = s$statistic, df = s$df, p_value = s$p.value, conf_low = s$`2.5 %`,
    conf_high = s$`97.5 %`, ubar = p$ubar, b = p$b, t = p$t, dfcom = p$dfcom, riv = p$riv, lambda = p$lambda, fmi = p$fmi
  )
}))
numbers <- sapply(pooled, is.numeric)
pooled[numbers] <- lapply(pooled[numbers], function(x) sprintf("%.17g", x))
write.csv(pooled, "pooled.csv", row.names = FALSE, quote = FALSE)
