#pragma once
// The real vmclone against a pretended broker.

#include <gtest/gtest.h>

#include "tests/cli/golden.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

class Vmclone : public ::testing::Test {
 protected:
  ProgramRun start(std::vector<std::string> arguments) const {
    return ProgramRun("vmclone", std::move(arguments), {{"ZYNCLONE_BROKER_SOCKET", broker.path()}});
  }
  template <class R>
  void will_answer(R result) {
    broker.add([this, result = std::move(result)](Conversation& c) {
      asked_ = c.read_request();
      c.answer(asked_, result);
      c.wait_closed();
    });
  }

  // Answers one request after the other, each with one of these.
  template <class... R>
  void will_answer_each(R... results) {
    broker.add([this, results...](Conversation& c) {
      (c.answer(asked_ = c.read_request(), results), ...);
      c.wait_closed();
    });
  }

  TemporaryFolder folder;
  FakeService broker{folder / "broker.sock"};

  // What was asked, after the answer.
  const protocol::Request& asked() {
    broker.wait_idle();
    return asked_;
  }

 private:
  protocol::Request asked_;
};

}  // namespace zynclone::tests
