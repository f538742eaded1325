#include "host-broker/policy/rule_parser.hpp"

#include <algorithm>

#include "system/glob.hpp"
#include "system/key_value.hpp"

namespace zynclone::broker::policy {
namespace {

bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; }

// Words up to a comment. A '#' inside a word is part of it (and then not allowed there).
std::vector<Word> split_words(std::string_view line) {
  std::vector<Word> words;
  std::size_t at = 0;
  while (at < line.size()) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    if (line[at] == '#') break;
    const std::size_t start = at;
    while (at < line.size() && !is_space(line[at])) ++at;
    words.push_back({line.substr(start, at - start), static_cast<unsigned>(start + 1)});
  }
  return words;
}

bool has_only(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
           more.find(letter) != std::string_view::npos;
  });
}

// Reads one rule and says of each word what is wrong with it.
class RuleReader {
 public:
  RuleReader(std::string place, std::vector<Word> words, std::vector<Error>& errors)
      : place_(std::move(place)), words_(std::move(words)), errors_(errors) {}

  std::optional<Rule> read() {
    if (words_.size() < 3) return refuse(words_.back(), missing_text());
    check_operation();
    check_vm();
    check_decision();
    for (std::size_t at = 3; at < words_.size(); ++at) {
      if (auto done = parse_option(words_[at].text, rule_.options, seen_); !done) refuse(words_[at], done.error().message);
    }
    if (!failed_) check_options_fit();
    if (failed_) return std::nullopt;
    rule_.place = place_;
    for (const Word& word : words_) rule_.text += (rule_.text.empty() ? "" : " ") + std::string(word.text);
    return rule_;
  }

 private:
  std::nullopt_t refuse(const Word& word, std::string message) {
    failed_ = true;
    errors_.push_back({Errc::configuration, std::move(message), place_ + ":" + std::to_string(word.column)});
    return std::nullopt;
  }

  std::string missing_text() const {
    return "cannot read rule: " + std::string(words_.size() == 1 ? "vm and decision are missing" : "the decision is missing") +
           "; a rule is 'operation vm decision options'";
  }

  void check_operation() {
    rule_.operation = words_[0].text;
    const auto& known = known_operations();
    if (std::any_of(known.begin(), known.end(), [&](const std::string& name) { return glob_matches(rule_.operation, name); })) return;
    refuse(words_[0], "cannot use operation '" + printable(rule_.operation) + "': " + allowed_words(rule_.operation, known) +
                          ", and patterns of them with '*'");
  }

  void check_vm() {
    rule_.vm = words_[1].text;
    if (has_only(rule_.vm, "._-*") && rule_.vm.size() <= VmNameTag::longest + 1) return;
    refuse(words_[1], "cannot use VM pattern '" + printable(rule_.vm) + "': letters, digits, '.', '_', '-' and '*' are allowed, at most " +
                          std::to_string(VmNameTag::longest + 1));
  }

  void check_decision() {
    for (Decision decision : {Decision::allow, Decision::ask, Decision::deny}) {
      if (words_[2].text != to_string(decision)) continue;
      rule_.decision = decision;
      return;
    }
    refuse(words_[2], "cannot use decision '" + printable(words_[2].text) + "': " +
                          allowed_words(words_[2].text, {"allow", "ask", "deny"}));
  }

  // An option that would have no effect is a mistake: whoever wrote it expects one.
  void check_options_fit() {
    for (const auto& [name, needs_ask] : {std::pair<std::string, bool>{"clones", false}, {"rate", false}, {"approvers", true}, {"timeout", true}}) {
      if (std::find(seen_.begin(), seen_.end(), name) == seen_.end()) continue;
      if (rule_.decision == Decision::deny || (needs_ask && rule_.decision != Decision::ask)) {
        refuse(option_word(name), "cannot use option '" + name + "' with " + std::string(to_string(rule_.decision)) +
                                      ": it is allowed with " + (needs_ask ? "ask" : "allow and ask"));
      } else if (name == "clones" && !glob_matches(rule_.operation, "clone.create")) {
        refuse(option_word(name), "cannot use option 'clones' with operation '" + rule_.operation +
                                      "': it is allowed where clone.create matches");
      }
    }
  }

  const Word& option_word(std::string_view name) const {
    return *std::find_if(words_.begin() + 3, words_.end(), [&](const Word& word) { return word.text.starts_with(name); });
  }

  std::string place_;
  std::vector<Word> words_;
  std::vector<Error>& errors_;
  std::vector<std::string> seen_;
  Rule rule_;
  bool failed_ = false;
};

}  // namespace

void parse_rules(const PolicyText& file, std::vector<Rule>& rules, std::vector<Error>& errors) {
  if (file.text.size() > k_longest_policy_file) {
    errors.push_back({Errc::configuration, "cannot read '" + file.file + "': it is longer than " +
                                               std::to_string(k_longest_policy_file) + " bytes", file.file + ":1:1"});
    return;
  }
  std::string_view rest = file.text;
  for (unsigned number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::vector<Word> words = split_words(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (words.empty()) continue;
    const std::string place = file.file + ":" + std::to_string(number);
    if (rules.size() == k_most_rules) {
      errors.push_back({Errc::configuration, "cannot read policy: it has more than " + std::to_string(k_most_rules) + " rules", place + ":1"});
      return;
    }
    if (auto rule = RuleReader(place, std::move(words), errors).read()) rules.push_back(std::move(*rule));
  }
}

}  // namespace zynclone::broker::policy
