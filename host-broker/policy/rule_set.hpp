#pragma once
// What a guest's operations may do, as the administrator wrote it. Pure: text in, decisions out; policy_folder.hpp reads the files.
//
//   # operation     vm            decision  options
//   clone.create    pos-*         allow     clones=2 rate=6/h
//   cutover.*       pos-*         ask       approvers=1 timeout=15m hours=06:00-22:00 days=mon-fri,sun
//   *               *             deny
//
// The first rule that matches decides; a rule with hours or days matches only then; no rule is deny. A policy with any error denies all.

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host-broker/ports/policy.hpp"

namespace zynclone::broker::policy {

inline constexpr std::size_t k_longest_policy_file = 256 * 1024;  // bytes
inline constexpr std::size_t k_most_rules = 10'000;

std::string_view to_string(Decision decision);  // allow, ask, deny
std::string to_string(const Rate& rate);  // 6/h

// Minutes of a day. `to` is excluded; smaller than `from`: over midnight. 24:00 is 1440.
struct Hours {
  unsigned from = 0;
  unsigned to = 0;
};

struct Options {
  std::optional<unsigned> clones;                     // at most so many in the family
  std::optional<Rate> rate;                           // at most so often for one VM by this rule
  std::optional<unsigned> approvers;                  // with ask; absent: 1
  std::optional<std::chrono::milliseconds> timeout;   // with ask; absent: the broker's approval_timeout
  std::vector<Hours> hours;                           // empty: always
  std::bitset<7> days;                                // bit 0 is Monday; none: every day
};

struct Rule {
  std::string operation;  // pattern
  std::string vm;         // pattern
  Decision decision = Decision::deny;
  Options options;
  std::string place;      // file:line
  std::string text;       // as written, white space made single
};

// On the wall of the host, in its time zone. Around a change of summer time an hour counts twice or never, as on the wall.
struct LocalTime {
  unsigned weekday = 0;  // 0 is Monday
  unsigned minute = 0;   // of the day, 0 to 1439
};
LocalTime to_local_time(Timestamp time);

struct Ruling {
  Decision decision = Decision::deny;
  std::string place;      // file:line of the rule, "no rule", or file:line:column of the policy's first error
  Options options;
};

// One rule, as seen by one request.
struct RuleExplanation {
  std::string place;
  std::string text;
  bool decides = false;
  std::string reason;     // "decides", "vm pos1 is not kds-*", "now is Tue 23:10, outside hours 06:00-22:00", "10-x.policy:3 decided before"
};

struct PolicyText {
  std::string file;       // name of the file, for places
  std::string text;
};

class RuleSet {
 public:
  // Never fails as a whole: what is wrong is in `errors`. Files count in the order given.
  static RuleSet parse(const std::vector<PolicyText>& files);
  static RuleSet parse(std::string_view text);  // one file, called "policy"; for tests and the fuzz target
  // A policy that could not be read at all.
  static RuleSet broken(std::vector<Error> errors);

  const std::vector<Error>& errors() const { return errors_; }      // place file:line:column
  const std::vector<Error>& warnings() const { return warnings_; }  // rules that never decide, since an earlier one covers them
  const std::vector<Rule>& rules() const { return rules_; }

  Ruling evaluate(std::string_view operation, const VmName& vm, LocalTime now) const;
  // Each rule in order; empty when the policy has errors. `when`: how reasons name the time, "now is" or "at".
  std::vector<RuleExplanation> explain(std::string_view operation, const VmName& vm, LocalTime now, std::string_view when = "now is") const;

 private:
  std::vector<Rule> rules_;
  std::vector<Error> errors_;
  std::vector<Error> warnings_;
};

// Operations that a rule can be about; a pattern that matches none of them is an error.
const std::vector<std::string>& known_operations();

// For people: "hours 06:00-22:00", "Mon, Tue".
std::string to_string(const Hours& hours);
std::string days_text(std::bitset<7> days);

}  // namespace zynclone::broker::policy
