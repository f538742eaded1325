#include "host-broker/policy/rule_set.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "system/glob.hpp"
#include "host-broker/policy/rule_parser.hpp"

namespace zynclone::broker::policy {
namespace {

constexpr std::array<std::string_view, 7> k_day_names = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

std::string clock_text(unsigned minute) {
  const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return two(minute / 60) + ":" + two(minute % 60);
}

bool within(const Hours& hours, unsigned minute) {
  if (hours.from < hours.to) return minute >= hours.from && minute < hours.to;
  return minute >= hours.from || minute < hours.to;
}

std::string time_text(LocalTime now, std::string_view when) { return std::string(when) + ' ' + std::string(k_day_names[now.weekday % 7]) + " " + clock_text(now.minute); }

// Why a rule does not match; empty when it does. The only place that decides about matching, so that evaluate and explain agree.
std::string mismatch(const Rule& rule, std::string_view operation, const VmName& vm, LocalTime now, std::string_view when = {}) {
  if (!glob_matches(rule.operation, operation)) return "operation " + printable(operation) + " is not " + rule.operation;
  if (!glob_matches(rule.vm, vm.text())) return "vm " + vm.text() + " is not " + rule.vm;
  const Options& options = rule.options;
  if (options.days.any() && !options.days.test(now.weekday % 7)) {
    return time_text(now, when) + ", outside days " + days_text(options.days);
  }
  const bool in_hours = options.hours.empty() || std::any_of(options.hours.begin(), options.hours.end(),
                                                             [&](const Hours& hours) { return within(hours, now.minute); });
  if (in_hours) return "";
  std::string text = time_text(now, when) + ", outside hours ";
  for (const Hours& hours : options.hours) text += (&hours == &options.hours.front() ? "" : ",") + to_string(hours);
  return text;
}

// A rule that an earlier one without times covers in full.
std::vector<Error> unreachable(const std::vector<Rule>& rules) {
  constexpr std::size_t k_most_compared = 1000;  // this is quadratic, and a courtesy only
  std::vector<Error> warnings;
  for (std::size_t late = 1; late < std::min(rules.size(), k_most_compared); ++late) {
    const auto before = rules.begin() + static_cast<std::ptrdiff_t>(late);
    const auto cover = std::find_if(rules.begin(), before, [&](const Rule& early) {
      return early.options.hours.empty() && early.options.days.none() && glob_covers(early.operation, rules[late].operation) &&
             glob_covers(early.vm, rules[late].vm);
    });
    if (cover == before) continue;
    warnings.push_back({Errc::configuration, "rule '" + rules[late].text + "' never decides: " + cover->place + " matches all that it does",
                        rules[late].place + ":1"});
  }
  return warnings;
}

}  // namespace

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::allow: return "allow";
    case Decision::ask: return "ask";
    case Decision::deny: return "deny";
  }
  return "deny";
}

std::string to_string(const Rate& rate) {
  const char* unit = rate.window == std::chrono::minutes(1) ? "m" : rate.window == std::chrono::hours(1) ? "h" : "d";
  return std::to_string(rate.count) + "/" + unit;
}

std::string to_string(const Hours& hours) { return clock_text(hours.from) + "-" + clock_text(hours.to); }

std::string days_text(std::bitset<7> days) {
  std::string text;
  for (std::size_t day = 0; day < 7; ++day) {
    if (days.test(day)) text += (text.empty() ? "" : ", ") + std::string(k_day_names[day]);
  }
  return text;
}

LocalTime to_local_time(Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  localtime_r(&seconds, &fields);
  return {.weekday = static_cast<unsigned>((fields.tm_wday + 6) % 7),  // tm_wday counts from Sunday
          .minute = static_cast<unsigned>(fields.tm_hour * 60 + fields.tm_min)};
}

const std::vector<std::string>& known_operations() {
  static const std::vector<std::string> names = {"clone.create", "clone.start",  "clone.stop",     "clone.activate", "clone.deactivate",
                                                 "clone.remove", "clone.rename", "clone.protect",  "clone.unprotect", "cutover.start",
                                                 "cutover.commit", "cutover.undo", "volume.switch"};
  return names;
}

RuleSet RuleSet::parse(const std::vector<PolicyText>& files) {
  RuleSet set;
  for (const PolicyText& file : files) parse_rules(file, set.rules_, set.errors_);
  if (set.errors_.empty()) set.warnings_ = unreachable(set.rules_);
  return set;
}

RuleSet RuleSet::parse(std::string_view text) { return parse(std::vector<PolicyText>{{"policy", std::string(text)}}); }

RuleSet RuleSet::broken(std::vector<Error> errors) {
  RuleSet set;
  set.errors_ = std::move(errors);
  return set;
}

Ruling RuleSet::evaluate(std::string_view operation, const VmName& vm, LocalTime now) const {
  if (!errors_.empty()) return {.decision = Decision::deny, .place = errors_.front().place};
  for (const Rule& rule : rules_) {
    if (mismatch(rule, operation, vm, now).empty()) return {rule.decision, rule.place, rule.options};
  }
  return {.decision = Decision::deny, .place = "no rule"};
}

std::vector<RuleExplanation> RuleSet::explain(std::string_view operation, const VmName& vm, LocalTime now, std::string_view when) const {
  std::vector<RuleExplanation> list;
  if (!errors_.empty()) return list;
  std::string decided_at;
  for (const Rule& rule : rules_) {
    RuleExplanation explanation{.place = rule.place, .text = rule.text, .reason = mismatch(rule, operation, vm, now, when)};
    if (explanation.reason.empty() && decided_at.empty()) {
      explanation.decides = true;
      explanation.reason = "decides";
      decided_at = rule.place;
    } else if (explanation.reason.empty()) {
      explanation.reason = "matches, but " + decided_at + " decided before";
    }
    list.push_back(std::move(explanation));
  }
  return list;
}

}  // namespace zynclone::broker::policy
