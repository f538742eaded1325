#include "host-broker/app/vmclone/undertaking.hpp"

#include "cli/text.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "system/duration.hpp"

namespace zynclone::broker::vmclone {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::minutes k_boot_limit{3};  // until the agent of a VM that starts has its channel
constexpr milliseconds k_look_again{250};

milliseconds since(steady_clock::time_point began) { return std::chrono::ceil<milliseconds>(steady_clock::now() - began); }

const protocol::HealthCheck* first_unwell(const protocol::GuestHealthReport& report) {
  for (const auto& check : report.checks) {
    if (!check.healthy) return &check;
  }
  return nullptr;
}

}  // namespace

void Undertaking::say(const std::string& line) {
  if (!session_.json()) session_.screen().write(line + '\n');
}

Result<void> Undertaking::note(std::string what, steady_clock::time_point began, Result<protocol::OperationView> done) {
  Stage stage{.what = std::move(what), .took = since(began)};
  if (done) stage.operation = done.value().id;
  else stage.error = done.error();
  stages_.push_back(std::move(stage));
  if (!done) return outcome::failure(std::move(done).error());
  return outcome::success();
}

Result<protocol::GuestHealthReport> Undertaking::ask_health(const std::optional<CloneName>& clone) {
  protocol::Request envelope;
  envelope.vm = vm_;
  return session_.ask(protocol::AgentHealth{.clone = clone}, std::move(envelope));
}

// Whatever it answers, it is there.
Result<void> Undertaking::wait_connected(const CloneName& clone) {
  const auto began = steady_clock::now();
  Stage stage{.what = "the agent in " + clone.text() + " connected"};
  for (;;) {
    auto asked = ask_health(clone);
    stage.took = since(began);
    const bool is_there = asked || (asked.error().code != Errc::unavailable && asked.error().code != Errc::cancelled && asked.error().code != Errc::not_found);
    if (is_there) break;
    const bool waits = asked.error().code == Errc::unavailable && stage.took < k_boot_limit && session_.pause(k_look_again);
    if (waits) continue;
    stage.error = asked.error();
    stages_.push_back(stage);
    return outcome::failure(std::move(asked).error());
  }
  stages_.push_back(std::move(stage));
  return outcome::success();
}

Result<void> Undertaking::check_health(std::optional<CloneName> clone, milliseconds limit) {
  const auto began = steady_clock::now();
  const std::string member = clone ? clone->text() : vm_.text();
  Stage stage{.what = member + " is well"};
  for (milliseconds unwell{};;) {
    auto asked = ask_health(clone);
    stage.took = since(began);
    Error error{Errc::conflict, {}};
    if (asked) {
      const auto* check = first_unwell(asked.value());
      if (check == nullptr) {
        stage.what += " (" + std::to_string(asked.value().checks.size()) + (asked.value().checks.size() == 1 ? " check)" : " checks)");
        break;
      }
      error.message = "'" + member + "' is not well: " + printable(check->name) + (check->detail.empty() ? std::string() : ": " + printable(check->detail));
    } else {
      error = asked.error();
    }
    // It may just be starting anew; one that answers and is not well has less time for that.
    const bool is_away = !asked && (error.code == Errc::unavailable || error.code == Errc::busy);
    const bool may_come = is_away ? stage.took < k_boot_limit + limit : asked && unwell < limit;
    const auto looked = steady_clock::now();
    if (may_come && session_.pause(k_look_again)) {
      if (asked) unwell += since(looked);
      continue;
    }
    stage.what = member + " is not well";
    stage.error = error;
    stages_.push_back(std::move(stage));
    return outcome::failure(std::move(error));
  }
  stages_.push_back(std::move(stage));
  return outcome::success();
}

// A clone that has ended by itself cannot be stopped, but removed.
void Undertaking::remove(const CloneName& clone) {
  auto stopped = perform("stopped " + clone.text(), protocol::CloneStop{.name = clone});
  auto removed = perform("removed " + clone.text(), protocol::CloneRemove{.name = clone});
  if (removed) return;
  Error error = stopped ? std::move(removed).error() : std::move(stopped).error();
  error.message = "clone " + clone.text() + " is left (vmclone remove " + vm_.text() + ' ' + clone.text() + "): " + error.message;
  session_.warn(error);
}

std::string Undertaking::production() {
  protocol::Request envelope;
  envelope.vm = vm_;
  const auto shown = session_.ask(protocol::CutoverShow{}, std::move(envelope));
  return shown ? shown.value().production : std::string();
}

std::string Undertaking::report() const {
  std::vector<std::vector<std::string>> rows;
  for (const Stage& stage : stages_) {
    rows.push_back({stage.error ? "  ✗" : "  ✓", seconds_text(stage.took), printable(stage.what) + (stage.error ? ": " + cli::error_text(*stage.error) : "")});
  }
  return cli::table_text(rows);
}

std::vector<std::string> Undertaking::json_stages() const {
  std::vector<std::string> items;
  for (const Stage& stage : stages_) {
    JsonObject object;
    object.text("what", stage.what).number("took_ms", static_cast<std::uint64_t>(stage.took.count()));
    if (stage.operation) object.text("operation", stage.operation->text());
    if (stage.error) object.json("error", json_of(*stage.error));
    items.push_back(object.str());
  }
  return items;
}

}  // namespace zynclone::broker::vmclone
