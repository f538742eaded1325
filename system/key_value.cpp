#include "system/key_value.hpp"

#include <algorithm>
#include <map>

#include "protocol/names.hpp"

namespace zynclone {
namespace {

bool is_space(char letter) { return letter == ' ' || letter == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_key(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos && !parse_checked_name(text.substr(dot + 1), "name", 63)) return false;
  text = text.substr(0, dot);
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' && std::all_of(text.begin(), text.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_';
  });
}

// A '#' begins a comment where nothing or white space stands before it, so that a value may hold one inside a word.
std::string_view without_comment(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '#' && (at == 0 || is_space(text[at - 1]))) return text.substr(0, at);
  }
  return text;
}

// The value after '=': bare up to a comment, or between double quotes.
Result<std::string_view> read_value(std::string_view rest) {
  rest = trim(rest);
  if (rest.empty() || rest.front() != '"') return trim(without_comment(rest));
  const std::size_t end = rest.find('"', 1);
  if (end == std::string_view::npos) return fail(Errc::configuration, "the closing '\"' is missing");
  const std::string_view after = rest.substr(end + 1);
  if (!trim(without_comment(after)).empty()) {
    return fail(Errc::configuration, "only a comment may follow the closing '\"'");
  }
  return rest.substr(1, end - 1);
}

Result<KeyValue> read_line(std::string_view line, unsigned number) {
  std::string without_tabs(line);
  std::replace(without_tabs.begin(), without_tabs.end(), '\t', ' ');
  if (printable(without_tabs) != without_tabs) {
    return fail(Errc::configuration,
                "cannot read line '" + printable(line) + "': it holds a control character or is not UTF-8");
  }
  const std::size_t equals = line.find('=');
  const std::string_view key = trim(line.substr(0, equals));
  if (equals == std::string_view::npos) {
    return fail(Errc::configuration, "cannot read line '" + printable(trim(line)) + "': key=value or a comment is allowed");
  }
  if (!is_key(key)) {
    return fail(Errc::configuration, "cannot read key '" + printable(key) +
                                         "': small letters, digits and '_', beginning with a letter, are allowed; then, where the key "
                                         "needs one, '.' and a name");
  }
  auto value = read_value(line.substr(equals + 1));
  if (!value) return with_context(value.error(), "cannot read value of '" + std::string(key) + "'");
  return KeyValue{.key = std::string(key), .value = std::string(value.value()), .line = number};
}

// Levenshtein's distance; both words are short.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t column = 0; column < row.size(); ++column) row[column] = column;
  for (std::size_t at = 0; at < left.size(); ++at) {
    std::size_t diagonal = row[0];
    row[0] = at + 1;
    for (std::size_t column = 1; column < row.size(); ++column) {
      const std::size_t replaced = diagonal + (left[at] == right[column - 1] ? 0 : 1);
      diagonal = row[column];
      row[column] = std::min({row[column] + 1, row[column - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

KeyValueScan scan_key_values(std::string_view untrusted_text, const std::string& file) {
  KeyValueScan scan;
  if (untrusted_text.size() > k_longest_key_value_text) {
    scan.errors.push_back({Errc::configuration, "cannot read '" + file + "': it is longer than " +
                                                    std::to_string(k_longest_key_value_text) + " bytes", file + ":1"});
    return scan;
  }
  std::map<std::string, unsigned, std::less<>> lines_of_keys;
  unsigned number = 0;
  while (!untrusted_text.empty()) {
    const std::size_t end = untrusted_text.find('\n');
    std::string_view line = untrusted_text.substr(0, end);
    untrusted_text.remove_prefix(end == std::string_view::npos ? untrusted_text.size() : end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);  // edited on Windows
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') continue;

    const std::string place = file + ":" + std::to_string(number);
    auto read = read_line(line, number);
    if (!read) {
      scan.errors.push_back({read.error().code, read.error().message, place});
      continue;
    }
    const auto [first, is_new] = lines_of_keys.emplace(read.value().key, number);
    if (!is_new) {
      scan.errors.push_back({Errc::configuration, "cannot set key '" + read.value().key + "' twice: line " +
                                                      std::to_string(first->second) + " sets it already", place});
      continue;
    }
    if (scan.values.size() == k_most_key_values) {
      scan.errors.push_back({Errc::configuration, "cannot read '" + file + "': it sets more than " +
                                                      std::to_string(k_most_key_values) + " keys", place});
      return scan;
    }
    scan.values.push_back(std::move(read.value()));
  }
  return scan;
}

Result<std::vector<KeyValue>> parse_key_values(std::string_view untrusted_text, std::string file) {
  KeyValueScan scan = scan_key_values(untrusted_text, file);
  if (!scan.errors.empty()) return scan.errors.front();
  return std::move(scan.values);
}

Result<std::vector<std::string>> split_list(std::string_view text) {
  std::vector<std::string> list;
  if (trim(text).empty()) return list;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view element = trim(rest.substr(0, comma));
    if (element.empty()) {
      return fail(Errc::invalid_argument, "cannot read list '" + printable(text) + "': it has an empty element");
    }
    list.emplace_back(element);
    if (comma == std::string_view::npos) return list;
    rest.remove_prefix(comma + 1);
  }
}

std::string closest_word(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::string::npos;
  if (word.size() > 64) return best;
  for (const std::string& candidate : known) {
    const std::size_t away = distance(word, candidate);
    const bool is_close = away <= std::max<std::size_t>(1, word.size() / 3) || (word.size() >= 3 && candidate.starts_with(word));
    if (!is_close || away >= best_distance) continue;
    best_distance = away;
    best = candidate;
  }
  return best;
}

std::string allowed_words(std::string_view word, const std::vector<std::string>& known) {
  std::string text;
  if (const std::string close = closest_word(word, known); !close.empty()) text = "did you mean '" + close + "'? ";
  text += "allowed are ";
  for (std::size_t at = 0; at < known.size(); ++at) text += (at == 0 ? "" : ", ") + known[at];
  return text;
}

}  // namespace zynclone
