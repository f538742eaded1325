#pragma once
// What steps about one member of a family share.

#include <chrono>
#include <string>

#include "host-broker/core/context.hpp"

namespace zynclone::broker {

inline constexpr std::chrono::seconds k_connect_limit{60};  // until an agent has its channel, whose member has perhaps just been made
inline constexpr std::chrono::seconds k_member_look_again{1};      // at what tells nothing by itself
inline const std::string k_was_paused = "was paused before";  // intent of a step that pauses: whoever paused the member will let it go on

// What an agent could not do is its guest's own matter, which a requester in the family is told in whole.
inline Error said_by_agent(Error error, std::string_view context) {
  error.code = Errc::conflict;
  return with_context(std::move(error), std::string(context));
}

class MemberStep : public Step {
 public:
  MemberStep(Context context, Uuid member) : context_(std::move(context)), member_(std::move(member)) {}

 protected:
  // Its name now: it may be renamed, or gone.
  std::string member() const {
    const Family* family = context_.registry.find(context_.record.vm);
    const std::string name = family == nullptr ? std::string() : member_name(*family, member_);
    return name.empty() ? member_.text() : name;
  }
  const Family* family() const { return context_.registry.find(context_.record.vm); }

  Context context_;
  Uuid member_;
};

}  // namespace zynclone::broker
