#pragma once
// What policy says of one request. Real: policy::PolicyFolder over /etc/zynclone/policy.d. Tests: FakePolicy.

#include <chrono>
#include <optional>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::broker {

enum class Decision { allow, ask, deny };

struct Rate {
  unsigned count = 0;
  std::chrono::milliseconds window{};
};

struct Verdict {
  Decision decision = Decision::deny;
  std::string place = "no rule";             // file:line of the rule that decided
  std::optional<unsigned> clones;            // at most so many clones in the family
  std::optional<Rate> rate;                  // at most so many operations that this rule let through
  unsigned approvers = 1;
  std::chrono::milliseconds timeout = std::chrono::minutes(15);
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Never fails: a policy with any error denies, and `place` says where the error is.
  virtual Verdict decide(std::string_view operation, const VmName& vm, Timestamp now) = 0;
};

}  // namespace zynclone::broker
