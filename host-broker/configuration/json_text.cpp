#include "host-broker/configuration/json_text.hpp"

#include <algorithm>

#include "protocol/names.hpp"

namespace zynclone::broker::configuration {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

// The length of the well-formed UTF-8 sequence at the text's start (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  const auto follows = [&](std::size_t at, unsigned least = 0x80, unsigned most = 0xbf) { return byte(at) >= least && byte(at) <= most; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool second = follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);  // neither overlong nor a surrogate
    return second && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool second = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | (point >> 6));
    add(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    add(0xe0 | (point >> 12));
    add(0x80 | ((point >> 6) & 0x3f));
    add(0x80 | (point & 0x3f));
  } else {
    add(0xf0 | (point >> 18));
    add(0x80 | ((point >> 12) & 0x3f));
    add(0x80 | ((point >> 6) & 0x3f));
    add(0x80 | (point & 0x3f));
  }
}

class TextReader {
 public:
  TextReader(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  Result<JsonNode> read_document() {
    TRY(auto node, read_value(0));
    skip_space();
    if (!rest_.empty()) return wrong("only white space may follow the value");
    return node;
  }

 private:
  Error wrong(std::string_view cause) const {
    return Error{Errc::configuration, "cannot read JSON: " + std::string(cause), file_ + ":" + std::to_string(line_)};
  }
  // The same, with what stands there instead.
  Error expected(std::string_view what) const {
    if (rest_.empty()) return wrong(std::string(what) + " is missing at the end of the file");
    const std::string_view found = rest_.substr(0, std::min<std::size_t>(rest_.find_first_of(" \t\r\n,:]}"), 20));
    return wrong(std::string(what) + " is missing before '" + printable(found.empty() ? rest_.substr(0, 1) : found) + "'");
  }

  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos) {
      if (rest_.front() == '\n') ++line_;
      rest_.remove_prefix(1);
    }
  }
  bool take(char letter) {
    skip_space();
    if (rest_.empty() || rest_.front() != letter) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<JsonNode> read_value(int depth) {
    skip_space();
    if (depth > k_deepest_json_file) return wrong("more than " + std::to_string(k_deepest_json_file) + " levels");
    if (++values_ > k_most_json_file_values) return wrong("more than " + std::to_string(k_most_json_file_values) + " values");
    JsonNode node{.line = line_};
    switch (peek()) {
      case '{': return read_object(std::move(node), depth);
      case '[': return read_list(std::move(node), depth);
      case '"': {
        TRY(node.text, read_text());
        node.type = JsonNode::Type::text;
        return node;
      }
      default: return read_word(std::move(node));
    }
  }

  Result<JsonNode> read_object(JsonNode node, int depth) {
    node.type = JsonNode::Type::object;
    take('{');
    if (take('}')) return node;
    do {
      skip_space();
      if (peek() != '"') return expected("a key in double quotes");
      JsonMember member{.line = line_};
      TRY(member.key, read_text());
      for (const JsonMember& other : node.members) {
        if (other.key == member.key) return wrong("key '" + printable(member.key) + "' stands twice, first in line " + std::to_string(other.line));
      }
      if (!take(':')) return expected("':'");
      TRY(member.value, read_value(depth + 1));
      node.members.push_back(std::move(member));
    } while (take(','));
    if (!take('}')) return expected("',' or '}'");
    return node;
  }

  Result<JsonNode> read_list(JsonNode node, int depth) {
    node.type = JsonNode::Type::list;
    take('[');
    if (take(']')) return node;
    do {
      TRY(auto item, read_value(depth + 1));
      node.items.push_back(std::move(item));
    } while (take(','));
    if (!take(']')) return expected("',' or ']'");
    return node;
  }

  // true, false, null or a number.
  Result<JsonNode> read_word(JsonNode node) {
    const std::size_t length = std::min(rest_.find_first_of(" \t\r\n,:]}[{\""), rest_.size());
    const std::string_view word = rest_.substr(0, length);
    if (word == "null") {
      node.type = JsonNode::Type::null;
    } else if (word == "true" || word == "false") {
      node.type = JsonNode::Type::boolean;
    } else if (is_number(word)) {
      node.type = JsonNode::Type::number;
    } else {
      return expected("a value");
    }
    node.text = word;
    rest_.remove_prefix(length);
    return node;
  }

  static bool is_number(std::string_view word) {
    const auto digits = [&] {
      const std::size_t before = word.size();
      while (!word.empty() && is_digit(word.front())) word.remove_prefix(1);
      return word.size() < before;
    };
    if (word.starts_with('-')) word.remove_prefix(1);
    if (word.starts_with('0') && word.size() > 1 && is_digit(word[1])) return false;
    if (!digits()) return false;
    if (word.starts_with('.')) {
      word.remove_prefix(1);
      if (!digits()) return false;
    }
    if (word.starts_with('e') || word.starts_with('E')) {
      word.remove_prefix(1);
      if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
      if (!digits()) return false;
    }
    return word.empty();
  }

  Result<std::string> read_text() {
    rest_.remove_prefix(1);
    std::string text;
    while (true) {
      const std::size_t length = static_cast<std::size_t>(
          std::find_if(rest_.begin(), rest_.end(), [](char letter) {
            return letter == '"' || letter == '\\' || static_cast<unsigned char>(letter) < 0x20;
          }) - rest_.begin());
      text += rest_.substr(0, length);
      rest_.remove_prefix(length);
      if (rest_.empty() || rest_.front() == '\n') return wrong("the closing '\"' is missing");
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        if (!is_utf8(text)) return wrong("text '" + printable(text) + "' is not UTF-8");
        return text;
      }
      if (rest_.front() != '\\') return wrong("a text holds a control character; \\uXXXX is allowed");
      TRY(read_escape(text));
    }
  }

  Result<void> read_escape(std::string& text) {
    static constexpr std::string_view k_letters = "\"\\/bfnrt";
    static constexpr std::string_view k_meanings = "\"\\/\b\f\n\r\t";
    rest_.remove_prefix(1);
    const std::size_t known = rest_.empty() ? std::string_view::npos : k_letters.find(rest_.front());
    if (known != std::string_view::npos) {
      text += k_meanings[known];
      rest_.remove_prefix(1);
      return outcome::success();
    }
    TRY(auto point, read_code_unit());
    if (point >= 0xd800 && point < 0xdc00 && rest_.starts_with('\\')) {  // a pair for what lies beyond U+FFFF
      rest_.remove_prefix(1);
      TRY(auto low, read_code_unit());
      if (low < 0xdc00 || low > 0xdfff) return wrong("'\\u' pair is broken");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    if (point == 0) return wrong("'\\u0000' is not allowed");
    append_utf8(text, point);  // a lone surrogate is no UTF-8, and refused with the text
    return outcome::success();
  }

  Result<std::uint32_t> read_code_unit() {
    if (rest_.size() < 5 || rest_.front() != 'u') return wrong("after '\\' one of \" \\ / b f n r t uXXXX is allowed");
    std::uint32_t unit = 0;
    for (char letter : rest_.substr(1, 4)) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(letter);
      if (digit == std::string_view::npos) return wrong("after '\\u' four hexadecimal digits are allowed");
      unit = unit * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
    }
    rest_.remove_prefix(5);
    return unit;
  }

  std::string_view rest_;
  const std::string& file_;
  unsigned line_ = 1;
  std::size_t values_ = 0;
};

}  // namespace

Result<JsonNode> parse_json_text(std::string_view untrusted_text, const std::string& file) {
  if (untrusted_text.size() > k_longest_json_file) {
    return fail(Errc::configuration, "cannot read JSON: it is longer than " + std::to_string(k_longest_json_file) + " bytes", file + ":1");
  }
  return TextReader(untrusted_text, file).read_document();
}

std::string_view to_string(JsonNode::Type type) {
  switch (type) {
    case JsonNode::Type::null: return "null";
    case JsonNode::Type::boolean: return "true or false";
    case JsonNode::Type::number: return "a number";
    case JsonNode::Type::text: return "a text";
    case JsonNode::Type::list: return "a list";
    case JsonNode::Type::object: return "an object";
  }
  return "null";
}

std::string json_quoted(std::string_view text) {
  static constexpr std::string_view k_hex = "0123456789abcdef";
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length == 0) {
      quoted += "\\ufffd";  // so that what is written can be read again, whatever it is
    } else if (text.front() == '"' || text.front() == '\\') {
      quoted += '\\';
      quoted += text.front();
    } else if (byte < 0x20) {
      quoted += "\\u00";
      quoted += k_hex[byte >> 4];
      quoted += k_hex[byte & 15];
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return quoted + '"';
}

}  // namespace zynclone::broker::configuration
