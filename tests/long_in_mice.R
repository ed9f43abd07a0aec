# R reads what `missvae impute --long` writes: mice's as.mids takes the file, and pool(with(...)) gives what `missvae pool` gives.
#
#     Rscript tests/long_in_mice.R target/release/missvae
#
# Needs R with mice (Debian: r-base-core, r-cran-mice). It trains on the bundled penguins, completes them eight times, and compares
# every number of three regressions, two linear and one logistic.
suppressPackageStartupMessages(library(mice))
# Levels in the order of their characters, as in missvae.
invisible(Sys.setlocale("LC_COLLATE", "C"))
program <- normalizePath(commandArgs(trailingOnly = TRUE)[1])
penguins <- normalizePath("models/data/penguins-raw.csv")
folder <- tempfile("long-in-mice")
dir.create(folder)
setwd(folder)
missvae <- function(...) {
  status <- system2(program, shQuote(c(...)))
  if (status != 0) stop("missvae ended with status ", status)
}

whole <- read.csv(penguins, check.names = FALSE)
columns <- c("Species", "Culmen Length (mm)", "Flipper Length (mm)", "Body Mass (g)", "Sex")
table <- whole[columns]
set.seed(5)
for (name in c("Culmen Length (mm)", "Body Mass (g)", "Sex")) table[runif(nrow(table)) < 0.2, name] <- NA
table$Sex[table$Sex == "."] <- NA
# Missing cells as an empty text, too, which R reads as a level unless it is told.
write.csv(table, "table.csv", row.names = FALSE, na = "")
missvae("train", "table.csv", "--out", "run", "--epochs", "60", "--quiet")
missvae("impute", "run", "table.csv", "--draws", "8", "--long", "--out", "long.csv", "--quiet")

long <- read.csv("long.csv", check.names = FALSE, na.strings = c("NA", ""))
stopifnot(identical(names(long), c(".imp", ".id", columns)), nrow(long) == 9 * nrow(table))
incomplete <- long[long$.imp == 0, columns]
stopifnot(isTRUE(all.equal(incomplete, table, check.attributes = FALSE)))
# Names with blanks do not pass as.mids: R's own names for them do. The program is given a file with the same ones.
names(long) <- c(".imp", ".id", make.names(columns))
write.csv(long, "named.csv", row.names = FALSE)
long$Species <- factor(long$Species)
long$Sex <- factor(long$Sex)
mids <- as.mids(long)
stopifnot(mids$m == 8, sum(is.na(mids$data)) == sum(is.na(table)))

cases <- list(
  list("gaussian", "Body.Mass..g. ~ Flipper.Length..mm. + Sex"),
  list("gaussian", "Culmen.Length..mm. ~ Species * Body.Mass..g."),
  list("binomial", "Sex ~ Body.Mass..g. + Culmen.Length..mm.")
)
for (case in cases) {
  # As text: a formula that is made here would look for its columns here.
  call <- switch(case[[1]],
    gaussian = "with(mids, lm(%s))",
    # To the maximum: by default glm ends earlier.
    binomial = "with(mids, glm(%s, family = binomial, control = glm.control(epsilon = 1e-14, maxit = 100)))"
  )
  fit <- eval(parse(text = sprintf(call, case[[2]])))
  pooled <- pool(fit)
  expected <- cbind(summary(pooled, conf.int = TRUE), pooled$pooled[c("ubar", "b", "t", "dfcom", "riv", "lambda", "fmi")])
  missvae("pool", "--long", "named.csv", "--formula", case[[2]], "--family", case[[1]], "--csv", "terms.csv", "--quiet")
  found <- read.csv("terms.csv", check.names = FALSE)
  stopifnot(identical(as.character(expected$term), found$term), found$m == 8)
  names(expected) <- sub("2.5 %", "conf_low", sub("97.5 %", "conf_high", gsub("std.error", "std_error", names(expected))))
  names(expected) <- sub("p.value", "p_value", names(expected))
  numbers <- setdiff(names(found), c("term", "m"))
  error <- max(abs(as.matrix(found[numbers]) / as.matrix(expected[numbers]) - 1))
  cat(sprintf("%-48s %d terms, largest relative error %.1e\n", case[[2]], nrow(found), error))
  stopifnot(error < 1e-8)
}
