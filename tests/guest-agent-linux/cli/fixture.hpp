#pragma once
// The real zynclone against a pretended agent.

#include <gtest/gtest.h>

#include "tests/cli/golden.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

class Zynclone : public ::testing::Test {
 protected:
  ProgramRun start(std::vector<std::string> arguments, Output output = Output::pipes) const {
    return ProgramRun("zynclone", std::move(arguments), {{"ZYNCLONE_SOCKET", agent.path()}}, output);
  }
  // Answers one request with `result`, then waits for the client's end.
  template <class R>
  void will_answer(R result) {
    agent.add([this, result = std::move(result)](Conversation& c) {
      asked_ = c.read_request();
      c.answer(asked_, result);
      c.wait_closed();
    });
  }
  // Answers one request after the other, each with one of these.
  template <class... R>
  void will_answer_each(R... results) {
    agent.add([this, results...](Conversation& c) {
      (c.answer(asked_ = c.read_request(), results), ...);
      c.wait_closed();
    });
  }
  void will_fail(Error error) {
    agent.add([this, error = std::move(error)](Conversation& c) {
      asked_ = c.read_request();
      c.fail(asked_, error);
      c.wait_closed();
    });
  }

  TemporaryFolder folder;
  FakeService agent{folder / "agent.sock"};

  // What the program asked, after its end.
  const protocol::Request& asked() {
    agent.wait_idle();
    return asked_;
  }

 private:
  protocol::Request asked_;
};

inline const std::vector<std::string> k_create = {"clone", "create", "--mode", "online", "--name", "upgrade-1"};

inline std::vector<std::string> create_with(std::vector<std::string> more) {
  std::vector<std::string> arguments = k_create;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace zynclone::tests
