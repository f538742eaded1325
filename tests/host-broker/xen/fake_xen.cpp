#include "tests/host-broker/xen/fake_xen.hpp"

#include <csignal>
#include <sstream>

namespace zynclone::tests {

using broker::Domain;
using broker::DomainState;
using broker::xen::Awaited;

namespace {

// `xl create -p -q FILE`, `xl restore -p FILE IMAGE`. A domain is a file domains/<id> of "uuid name state".
constexpr std::string_view k_xl = R"sh(#!/bin/sh
here=$(dirname "$0")
[ -n "$WATCHER" ] && { echo >"$here/watching"; sleep 1000; exit 0; }
echo "xl $*" >>"$here/calls"
for file; do :; done
[ "$1" != restore ] || file=$3
cp -p "$file" "$here/seen.cfg"
last() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" "$file" | tail -1; }
make() {
  id=$(cat "$here/next-id" 2>/dev/null || echo 7)
  echo $((id + 1)) >"$here/next-id"
  echo "$(last uuid) $(last name) paused" >"$here/domains/$id"
}
watch() {
  [ -p "$here/watching" ] || mkfifo "$here/watching"
  WATCHER=1 setsid "$0" "$@" >/dev/null 2>&1 </dev/null &
  echo $! >>"$here/watchers"
  read -r line <"$here/watching"
}
)sh";

}  // namespace

FakeHypervisor::FakeHypervisor() {
  std::filesystem::create_directory(folder_ / "domains");
  xl_does("make; watch \"$@\"");
}

FakeHypervisor::~FakeHypervisor() {
  std::istringstream watchers(folder_.read("watchers"));
  for (pid_t process = 0; watchers >> process;) ::kill(-process, SIGKILL);
}

void FakeHypervisor::xl_does(const std::string& commands) { folder_.write_program("xl", std::string(k_xl) + commands + "\n"); }

void FakeHypervisor::put(std::uint32_t id, const std::string& uuid, const std::string& name, const std::string& state) {
  folder_.write("domains/" + std::to_string(id), uuid + " " + name + " " + state + "\n");
}

std::string FakeHypervisor::state_of(DomainId domain) const {
  std::istringstream text(folder_.read("domains/" + std::to_string(domain.value)));
  std::string uuid;
  std::string name;
  std::string state;
  text >> uuid >> name >> state;
  return state;
}

void FakeHypervisor::set_state(DomainId domain, const std::string& state) {
  std::istringstream text(folder_.read("domains/" + std::to_string(domain.value)));
  std::string uuid;
  std::string name;
  text >> uuid >> name;
  put(domain.value, uuid, name, state);
}

void FakeHypervisor::erase(DomainId domain) { std::filesystem::remove(folder_ / ("domains/" + std::to_string(domain.value))); }

Result<void> FakeHypervisor::begin(const std::string& verb, DomainId domain) {
  calls.push_back(verb + " " + std::to_string(domain.value));
  if (const auto failure = failures.find(verb); failure != failures.end()) return failure->second;
  if (state_of(domain).empty()) return fail(Errc::not_found, "there is no domain " + std::to_string(domain.value));
  return outcome::success();
}

asio::awaitable<Result<std::vector<Domain>>> FakeHypervisor::list() {
  if (const auto failure = failures.find("list"); failure != failures.end()) co_return failure->second;
  std::vector<Domain> domains;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "domains")) {
    std::istringstream text(folder_.read("domains/" + entry.path().filename().string()));
    std::string uuid;
    std::string state;
    Domain domain;
    text >> uuid >> domain.name >> state;
    domain.id = {static_cast<std::uint32_t>(std::stoul(entry.path().filename().string()))};
    domain.uuid = Uuid::parse(uuid).value();
    domain.state = state == "paused"      ? DomainState::paused
                   : state == "shut_down" ? DomainState::shut_down
                   : state == "dying"     ? DomainState::dying
                                          : DomainState::running;
    domains.push_back(std::move(domain));
  }
  co_return domains;
}

asio::awaitable<Result<broker::xen::DomainMemory>> FakeHypervisor::memory_of(DomainId domain) {
  CO_TRY(begin("memory_of", domain));
  co_return memory;
}

asio::awaitable<Result<void>> FakeHypervisor::pause(DomainId domain) {
  CO_TRY(begin("pause", domain));
  set_state(domain, "paused");
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeHypervisor::unpause(DomainId domain) {
  CO_TRY(begin("unpause", domain));
  set_state(domain, "running");
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeHypervisor::ask_to_shut_down(DomainId domain) {
  CO_TRY(begin("shutdown", domain));
  if (guests_obey && watcher_clears_up) erase(domain);
  else if (guests_obey) set_state(domain, "shut_down");
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeHypervisor::destroy(DomainId domain) {
  CO_TRY(begin("destroy", domain));
  erase(domain);
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeHypervisor::wait_for(DomainId domain, Awaited awaited, Deadline) {
  const std::string state = state_of(domain);
  if (state.empty() || (awaited == Awaited::stopped && state != "running" && state != "paused")) co_return outcome::success();
  co_return fail(Errc::timed_out, "waiting for domain " + std::to_string(domain.value) + " took too long");
}

}  // namespace zynclone::tests
