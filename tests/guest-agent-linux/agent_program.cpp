#include "tests/guest-agent-linux/agent_program.hpp"

#include <csignal>
#include <sstream>
#include <sys/stat.h>

#include "guest-agent-linux/file_wait.hpp"

namespace zynclone::tests {
namespace {

// There is nothing to wait for before a socket is made, so it is tried until it is there.
asio::awaitable<Result<std::unique_ptr<channel::Channel>>> connect_when_it_is_there(std::string path) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    auto connected = co_await channel::UnixChannel::connect(path);
    if (connected || std::chrono::steady_clock::now() > end) co_return connected;
    co_await sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace

AgentProgram::AgentProgram(asio::io_context& context, const std::string& more) : context_(context) {
  ::chmod(folder_.path().c_str(), 0755);
  const auto in = [this](std::string_view name) { return path(name); };
  folder_.write("agent.conf", "socket=" + in("run/agent.sock") + "\ntransport=unix\nunix_channel=" + in("channel.sock") +
                                  "\nhooks_dir=" + in("hooks.d") + "\nstate_dir=" + in("state") + "\nfreezer=pretended\n" + more);
  std::filesystem::create_directory(folder_ / "hooks.d");
  ::chmod(in("hooks.d").c_str(), 0755);
}

void AgentProgram::begin(std::map<std::string, std::string> environment) {
  // A XenStore that is not there: the agent goes on without.
  environment.insert({"XENSTORED_PATH", path("no-xenstored")});
  run_ = std::make_unique<ProgramRun>("zynclone-agent", std::vector<std::string>{"--config", path("agent.conf")}, std::move(environment));
}

int AgentProgram::stop() {
  run_->send_signal(SIGTERM);
  return run_->finish();
}

void AgentProgram::kill() {
  run_->send_signal(SIGKILL);
  EXPECT_EQ(run_->finish(), 128 + SIGKILL);
}

// The touch wakes who waits for the line (file_wait.hpp).
void AgentProgram::hook(HookEvent event, const std::string& name, const std::string& text) {
  const std::string folder = "hooks.d/" + std::string(to_string(event));
  std::filesystem::create_directory(folder_ / folder);
  ::chmod(path(folder).c_str(), 0755);
  const std::string line = std::string(to_string(event)) + " " + name;
  const std::string program =
      folder_.write_program(folder + "/" + name, "#!/bin/sh\ncd '" + folder_.path().string() + "'\necho '" + line + "' >> hooks\ntouch hooks\n" + text + "\n");
  ::chmod(program.c_str(), 0755);
}

std::vector<std::string> AgentProgram::hooks_that_ran() const {
  std::vector<std::string> lines;
  std::istringstream text(folder_.read("hooks"));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

bool AgentProgram::wait_hook(const std::string& line) {
  const auto has_run = [&](const std::string&) {
    const auto lines = hooks_that_ran();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  return tests::run(context_, agent::wait_for_file(path("hooks"), has_run, std::chrono::seconds(10))).has_value();
}

std::unique_ptr<channel::Channel> AgentProgram::connect(const std::string& path) {
  auto connected = tests::run(context_, connect_when_it_is_there(path));
  EXPECT_TRUE(connected) << (connected ? "" : connected.error().message);
  return connected ? std::move(connected).value() : nullptr;
}

std::unique_ptr<FakePeer> AgentProgram::connect_broker() {
  auto broker =
      std::make_unique<FakePeer>(context_, connect(path("channel.sock")), channel::Framing::length, protocol::Sender::guest);
  protocol::Hello hello;
  hello.software = "the test";
  EXPECT_TRUE(broker->peer().post(hello));
  EXPECT_TRUE(run_until(context_, [&] { return !broker->requests.empty(); })) << "the agent says no hello";
  return broker;
}

std::unique_ptr<FakePeer> AgentProgram::connect_caller() {
  return std::make_unique<FakePeer>(context_, connect(socket()), channel::Framing::line, protocol::Sender::broker);
}

}  // namespace zynclone::tests
