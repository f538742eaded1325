#include "host-broker/sandbox/bring_up.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "host-broker/sandbox/child_process.hpp"
#include "host-broker/sandbox/control_client.hpp"
#include "host-broker/sandbox/notify_socket.hpp"
#include "host-broker/sandbox/originals.hpp"
#include "host-broker/sandbox/programs.hpp"
#include "host-broker/sandbox/toolstack.hpp"
#include "system/descriptor.hpp"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say so itself
}

namespace zynclone::sandbox {
namespace {

constexpr std::chrono::seconds k_member_limit{30};
constexpr std::chrono::seconds k_connect_limit{15};
constexpr std::chrono::seconds k_down_limit{60};
using Say = std::function<void(const std::string&)>;

struct Programs {
  std::string sandbox;
  std::string link;
};

// Looks for everything before anything is started.
Result<Programs> find_programs() {
  for (const char* name : {"zynclone-agent", "clone-net-monitor", "clone-monitor", "zynclone-broker", "qemu-img"}) {
    TRY([[maybe_unused]] const auto found, find_program(name));
  }
  Programs programs;
  TRY(programs.sandbox, find_program("zynclone-sandbox"));
  TRY(programs.link, find_program("zynclone-link"));
  return programs;
}

asio::awaitable<Result<void>> start_host(Layout layout, std::string program) {
  const auto executor = co_await asio::this_coro::executor;
  CO_TRY(auto readiness, NotifySocket::open(executor, (layout.folder() / "notify").string()));
  ChildSpec spec{.environment = base_environment(), .log_file = layout.log_file().string(), .bond = Bond::outlives_us};
  spec.arguments.push_back(program);
  spec.arguments.push_back("serve");
  spec.arguments.push_back("--dir");
  spec.arguments.push_back(layout.folder().string());
  spec.environment["NOTIFY_SOCKET"] = readiness->path();
  NotifySocket* const told = readiness.get();
  CO_TRY(const auto host, ChildProcess::start(executor, spec, [told, log = spec.log_file](int status) {
    told->reset("it ended with status " + std::to_string(status) + "; see '" + log + "'");
  }));
  auto ready = co_await with_timeout(readiness->wait_ready(), k_member_limit, "its start");
  if (!ready) {
    ::kill(host->pid(), SIGKILL);
    co_return with_context(ready.error(), "cannot start the sandbox's host");
  }
  co_return outcome::success();
}

asio::awaitable<Result<void>> start_service(Layout layout, std::string name, std::vector<std::string> arguments) {
  ControlMessage request("service-start");
  request.set("name", name);
  arguments.insert(arguments.begin(), name);
  request.set_list("argument", arguments);
  CO_TRY(co_await ask_control(layout.control_socket(), std::move(request), k_member_limit + std::chrono::seconds(15)));
  co_return outcome::success();
}

// The monitors first: without them no lockdown is acknowledged, and the broker has nothing to start clones with.
asio::awaitable<Result<void>> start_services(Layout layout, Say say) {
  std::vector<std::string> clones{"--clones"};
  clones.push_back((layout.state() / "clones").string());
  CO_TRY(co_await start_service(layout, "clone-monitor", std::move(clones)));
  say("clone-monitor runs");
  std::vector<std::string> arguments{"--filter", "pretended", "--state"};
  arguments.push_back((layout.run() / "filter").string());
  CO_TRY(co_await start_service(layout, "clone-net-monitor", std::move(arguments)));
  say("clone-net-monitor runs");
  std::vector<std::string> config{"--config"};
  config.push_back((layout.configuration() / "broker.conf").string());
  CO_TRY(co_await start_service(layout, "zynclone-broker", std::move(config)));
  say("zynclone-broker runs");
  co_return outcome::success();
}

asio::awaitable<Result<RunningOriginal>> start_original(Layout layout, VmName vm, Say say) {
  SandboxToolstack toolstack(layout);
  CO_TRY(const DomainId domain, co_await toolstack.start_original(layout.vm_file(vm).string()));
  CO_TRY(co_await toolstack.unpause(domain));
  CO_TRY(co_await toolstack.wait_ready(domain, k_member_limit));
  say(vm.text() + " runs as domain " + std::to_string(domain.value));
  co_return RunningOriginal{vm, domain};
}

// So that the first command works. A VM that is not enabled never gets a channel: that is for its owner to know, and no failure.
asio::awaitable<void> wait_connected(Layout layout, std::vector<RunningOriginal> originals, Say say) {
  SandboxToolstack toolstack(layout);
  for (const RunningOriginal& original : originals) {
    const auto connected = co_await toolstack.wait_connected(original.domain, k_connect_limit);
    say(original.vm.text() + (connected ? " has its channel to the broker" : " has no channel to the broker: " + connected.error().message));
  }
}

asio::awaitable<Result<std::vector<VmName>>> prepare(Layout layout, BringUpOptions options, std::string link_program) {
  CO_TRY(layout.prepare());
  CO_TRY(write_settings(layout, link_program));
  for (const VmName& vm : options.vms) {
    CO_TRY(co_await make_original(layout, vm, options.disk_size));
  }
  CO_TRY(auto vms, originals(layout));
  if (!options.vms.empty()) co_return options.vms;
  if (vms.empty()) {
    CO_TRY(const auto first, VmName::parse("pos1"));
    CO_TRY(co_await make_original(layout, first, options.disk_size));
    vms.push_back(first);
  }
  co_return vms;
}

asio::awaitable<Result<std::vector<RunningOriginal>>> start_all(Layout layout, std::vector<VmName> vms, Say say) {
  CO_TRY(co_await start_services(layout, say));
  std::vector<RunningOriginal> running;
  for (const VmName& vm : vms) {
    CO_TRY(auto original, co_await start_original(layout, vm, say));
    running.push_back(std::move(original));
  }
  co_await wait_connected(layout, running, say);
  co_return running;
}

asio::awaitable<Result<void>> wait_for_end_of_process(pid_t pid) {
  Descriptor process(::pidfd_open(pid, 0));
  if (!process) co_return outcome::success();  // gone already
  asio::posix::stream_descriptor waiting(co_await asio::this_coro::executor, process.release());
  co_await waiting.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
  co_return outcome::success();
}

}  // namespace

asio::awaitable<Result<std::vector<RunningOriginal>>> bring_up(Layout layout, BringUpOptions options, Say say) {
  CO_TRY(const auto programs, find_programs());
  const auto there = co_await ask_control(layout.control_socket(), ControlMessage("list"));
  if (there)
    co_return fail(Errc::conflict, "cannot bring up the sandbox in '" + layout.folder().string() + "': it is up already");
  CO_TRY(const auto vms, co_await prepare(layout, std::move(options), programs.link));
  CO_TRY(co_await start_host(layout, programs.sandbox));
  say("the host runs in " + layout.folder().string());
  auto running = co_await start_all(layout, vms, say);
  if (!running) {
    const auto down = co_await bring_down(layout);
    if (!down) say(down.error().message);
  }
  co_return running;
}

asio::awaitable<Result<void>> bring_down(Layout layout) {
  CO_TRY(const auto reply, co_await ask_control(layout.control_socket(), ControlMessage("stop")));
  const std::string text = reply.get("pid");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  if (pid <= 0) co_return fail(Errc::malformed, "cannot wait for the sandbox's end: '" + text + "' is no process");
  co_return co_await with_timeout(wait_for_end_of_process(pid), k_down_limit, "the sandbox's end");
}

std::map<std::string, std::string> host_environment(const Layout& layout) {
  auto environment = base_environment();
  environment["XENSTORED_PATH"] = layout.store_socket({0}).string();
  environment["ZYNCLONE_BROKER_SOCKET"] = (layout.run() / "broker.sock").string();
  environment["ZYNCLONE_BROKER_CONF"] = (layout.configuration() / "broker.conf").string();
  return environment;
}

}  // namespace zynclone::sandbox
