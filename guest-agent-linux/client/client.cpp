#include <algorithm>
#include <cstdlib>

#include "cli/pages.hpp"
#include "cli/service.hpp"
#include "guest-agent-linux/client/change.hpp"
#include "guest-agent-linux/client/convert.hpp"

namespace zynclone::client {
namespace {

std::string socket_or_default(std::string socket) {
  if (!socket.empty()) return socket;
  const char* set = std::getenv("ZYNCLONE_SOCKET");
  return set != nullptr && *set != '\0' ? set : "/run/zynclone/agent.sock";
}

// Ten years at most, so that adding it to the present never overflows.
cli::TimePoint in(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds k_longest = std::chrono::hours(24 * 3650);
  return std::chrono::steady_clock::now() + std::clamp(limit, std::chrono::milliseconds(0), k_longest);
}

}  // namespace

struct Client::State {
  cli::Service service;
  std::chrono::milliseconds limit = protocol::k_answer_deadline;

  // Calls, and hands the result to `use`, which gives the public value.
  template <class M, class Use>
  auto call(M method, Use use) -> Result<std::decay_t<decltype(use(std::declval<typename M::Result>()))>> {
    auto result = service.call(std::move(method), in(limit));
    if (!result) return convert(result.error());
    return use(result.value());
  }

  // For lists that are asked for page by page.
  auto caller() {
    return [this](auto method) { return service.call(std::move(method), in(limit)); };
  }

  zynclone::Result<protocol::Accepted> send(const Change::Data& data, bool plan) {
    TRY(auto request, request_of(data));
    request.plan = plan;
    return std::visit(
        [&](auto method) -> zynclone::Result<protocol::Accepted> {
          if constexpr (std::is_same_v<typename decltype(method)::Result, protocol::Accepted>) {
            return service.call(std::move(method), in(limit), request);
          } else {
            return fail(Errc::internal, "cannot ask for '" + std::string(method.method) + "': it is no change");
          }
        },
        request.method);
  }
};

Client::Client(std::string socket)
    : state_(new State{cli::Service({"the agent", socket_or_default(std::move(socket))})}) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

void Client::set_time_limit(std::chrono::milliseconds limit) {
  state_->limit = limit;
}

Result<Family> Client::family() {
  const auto family = cli::whole_family(state_->caller());
  if (!family) return convert(family.error());
  return convert(family.value());
}

Result<std::vector<Clone>> Client::clones() {
  const auto listing = cli::all_clones(state_->caller());
  if (!listing) return convert(listing.error());
  std::vector<Clone> clones;
  for (const auto& view : listing.value().clones) clones.push_back(convert(view));
  return clones;
}

Result<Clone> Client::clone(const std::string& name) {
  auto parsed = CloneName::parse(name);
  if (!parsed) return convert(parsed.error());
  return state_->call(protocol::CloneShow{std::move(parsed).value()}, [](const auto& view) { return convert(view); });
}

Result<Cutover> Client::cutover() {
  return state_->call(protocol::CutoverShow{}, [](const auto& view) { return convert(view); });
}

Result<std::vector<Volume>> Client::volumes() {
  return state_->call(protocol::VolumeList{}, [](const auto& view) {
    std::vector<Volume> volumes;
    for (const auto& volume : view.volumes) volumes.push_back(convert(volume));
    return volumes;
  });
}

Result<std::vector<Peripheral>> Client::peripherals() {
  return state_->call(protocol::PeripheralList{}, [](const auto& view) {
    std::vector<Peripheral> peripherals;
    for (const auto& peripheral : view.peripherals) peripherals.push_back(convert(peripheral));
    return peripherals;
  });
}

Result<Operation> Client::request(const Change& change) {
  const auto accepted = state_->send(*change.data_, false);
  if (!accepted) return convert(accepted.error());
  if (!accepted.value().operation) return Error{ErrorCode::malformed, "cannot ask for the change: the agent answered no operation", ""};
  return convert(*accepted.value().operation);
}

Result<Plan> Client::plan(const Change& change) {
  const auto accepted = state_->send(*change.data_, true);
  if (!accepted) return convert(accepted.error());
  if (!accepted.value().plan) return Error{ErrorCode::malformed, "cannot plan the change: the agent answered no plan", ""};
  return convert(*accepted.value().plan);
}

Result<Operation> Client::operation(const std::string& id) {
  auto parsed = OperationId::parse(id);
  if (!parsed) return convert(parsed.error());
  return state_->call(protocol::OperationShow{std::move(parsed).value()}, [](const auto& view) { return convert(view); });
}

Result<std::vector<Operation>> Client::operations(unsigned limit) {
  const auto listing = cli::operations(state_->caller(), limit);
  if (!listing) return convert(listing.error());
  std::vector<Operation> operations;
  for (const auto& view : listing.value().operations) operations.push_back(convert(view));
  return operations;
}

Result<Operation> Client::cancel(const std::string& id) {
  auto parsed = OperationId::parse(id);
  if (!parsed) return convert(parsed.error());
  return state_->call(protocol::OperationCancel{std::move(parsed).value()}, [](const auto& view) { return convert(view); });
}

Result<Operation> Client::wait(const std::string& id, std::chrono::milliseconds limit,
                               const std::function<bool(const Operation&)>& on_change) {
  auto parsed = OperationId::parse(id);
  if (!parsed) return convert(parsed.error());
  cli::WaitOptions options;
  if (on_change) options.on_change = [&](const protocol::OperationView& view) { return on_change(convert(view)); };
  const auto waited = state_->service.wait(std::move(parsed).value(), in(limit), options);
  if (!waited) return convert(waited.error());
  if (waited.value().end == cli::Waited::End::time_limit) {
    const auto& trouble = waited.value().trouble;
    return Error{ErrorCode::timed_out,
                 "cannot wait longer for operation '" + id + "': the time limit passed" + (trouble ? "; " + printable(trouble->message) : ""), ""};
  }
  return convert(*waited.value().operation);
}

}  // namespace zynclone::client
