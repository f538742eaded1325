#include "guest-agent-core/hooks.hpp"

#include <algorithm>

#include "guest-agent-core/text.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

using Clock = std::chrono::steady_clock;

HookResult not_run(HookEvent event, const std::string& name) {
  return HookResult{name,
                    Error{Errc::timed_out, "cannot run the " + std::string(to_string(event)) + " hook '" + name +
                                               "': the hooks before it used up the time of all"},
                    {}};
}

// Those whose failure is an answer; of the others all are to run.
bool ends_at_first_failure(HookEvent event) {
  switch (event) {
    case HookEvent::quiesce:
    case HookEvent::apply_identity:
    case HookEvent::prepare_cutover:
    case HookEvent::release_volume:
    case HookEvent::acquire_volume: return true;
    case HookEvent::thaw:
    case HookEvent::health:
    case HookEvent::interfaces:
    case HookEvent::identity: break;
  }
  return false;
}

}  // namespace

std::string_view to_string(HookEvent event) {
  switch (event) {
    case HookEvent::quiesce: return "quiesce";
    case HookEvent::thaw: return "thaw";
    case HookEvent::health: return "health";
    case HookEvent::interfaces: return "interfaces";
    case HookEvent::identity: return "identity";
    case HookEvent::apply_identity: return "apply-identity";
    case HookEvent::prepare_cutover: return "prepare-cutover";
    case HookEvent::release_volume: return "release-volume";
    case HookEvent::acquire_volume: return "acquire-volume";
  }
  return "";
}

const HookResult* HookReport::first_failure() const {
  const auto failed = std::find_if(results.begin(), results.end(), [](const HookResult& result) { return result.error.has_value(); });
  return failed == results.end() ? nullptr : &*failed;
}

asio::awaitable<HookReport> Hooks::run(HookEvent event, HookEnvironment environment) {
  environment.merge(common_());
  environment["ZYNCLONE_EVENT"] = to_string(event);
  std::vector<std::string> names = programs_.list(event);
  if (event == HookEvent::thaw) std::reverse(names.begin(), names.end());

  HookReport report;
  const Clock::time_point end = Clock::now() + limits_.total;
  for (const std::string& name : names) {
    Deadline limit = std::min(limits_.each, Deadline(end - Clock::now()));
    if (event == HookEvent::thaw) limit = std::max(limit, std::min(limits_.each, limits_.least_for_thaw));
    HookResult result = not_run(event, name);
    if (limit > Deadline::zero()) {
      HookResult finished = co_await programs_.run(event, name, environment, limit);
      result = std::move(finished);
    }
    if (result.error) {
      result.error->message += it_said(result.output);
      log_warning(result.error->message);
    }
    const bool failed = result.error.has_value();
    report.results.push_back(std::move(result));
    if (failed && ends_at_first_failure(event)) break;
  }
  co_return report;
}

}  // namespace zynclone::agent
