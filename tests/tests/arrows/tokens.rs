//! Rust source cut into tokens: enough to find modules, items and paths.

/// The tokens of a file: identifiers, lifetimes left out; `::`; and single signs. Comments, strings, characters and what is
/// compiled for tests only are left out.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    without_tests(&cut(text))
}

fn cut(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            i += 2;
            while i < chars.len() && !(chars[i] == '*' && at(i + 1) == '/') {
                i += 1;
            }
            i += 2;
        } else if c == '"' {
            i = after_string(&chars, i);
        } else if c == '\'' {
            // A character, or a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
                while is_word(at(i)) {
                    i += 1;
                }
            }
        } else if c.is_alphabetic() || c == '_' {
            let start = i;
            while is_word(at(i)) {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = chars[i..].iter().take_while(|&&c| c == '#').count();
            if matches!(&word[..], "r" | "br") && at(i + hashes) == '"' {
                i = after_raw_string(&chars, i, hashes);
            } else if !(word == "b" && matches!(at(i), '"' | '\'')) {
                tokens.push(word);
            }
        } else if c.is_numeric() {
            while is_word(at(i)) {
                i += 1;
            }
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push("::".to_owned());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            i += 1;
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn after_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn after_raw_string(chars: &[char], start: usize, hashes: usize) -> usize {
    let mut i = start + hashes + 1;
    while i < chars.len() {
        if chars[i] == '"' && chars[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    i
}

/// Leaves out every item after `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let attribute = tokens[i] == "#" && tokens.get(i + 1).is_some_and(|t| t == "[");
        if !attribute {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        let end = closing(tokens, i + 1);
        let words = &tokens[i + 2..end];
        let for_tests = words.first().is_some_and(|t| t == "cfg")
            && words.iter().any(|t| t == "test")
            && !words.iter().any(|t| t == "not");
        i = end + 1;
        if for_tests {
            while tokens.get(i).is_some_and(|t| t == "#") {
                i = closing(tokens, i + 1) + 1;
            }
            while i < tokens.len() && tokens[i] != ";" && tokens[i] != "{" {
                i = if tokens[i] == "(" || tokens[i] == "[" { closing(tokens, i) + 1 } else { i + 1 };
            }
            // `use` lists have braces and a semicolon.
            let list = tokens.get(i).is_some_and(|t| t == "{") && i > 0 && tokens[i - 1] == "::";
            if tokens.get(i).is_some_and(|t| t == "{") {
                i = closing(tokens, i);
            }
            i += if list { 2 } else { 1 };
        }
    }
    kept
}

/// The place of the bracket that closes the one at `open`.
pub(crate) fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match &token[..] {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return i;
                }
            }
            _ => {}
        }
    }
    tokens.len().saturating_sub(1)
}
