#pragma once
// A whole host of fakes with one VM, pos1, that runs with one disk and one interface; and a broker on it, which a test can end at any
// moment, as a crash does, and start again on the same host.

#include <gtest/gtest.h>

#include <memory>

#include "host-broker/core/broker.hpp"
#include "protocol/codec.hpp"
#include "tests/support/fake_block_devices.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_configuration.hpp"
#include "tests/support/fake_grants.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/fake_leases.hpp"
#include "tests/support/fake_memories.hpp"
#include "tests/support/fake_peripherals.hpp"
#include "tests/support/fake_storage.hpp"
#include "tests/support/fake_toolstack.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {

class World {
 public:
  World();
  ~World();

  // Starts the broker (again); what is unfinished is taken up and runs to its end.
  void start();
  // Ends it as a crash does: nothing of it runs any more.
  void crash();
  broker::Ports ports();
  // Lets everything run that can.
  void settle();

  broker::Caller guest(const std::string& member = "pos1");
  broker::Caller admin(const std::string& user = "ada", broker::AdminRole role = broker::AdminRole::admin);

  // The response's text of one request.
  std::string ask(broker::Caller caller, protocol::Method method, std::optional<RequestId> request_id = {}, bool plan = false);
  template <class M>
  Result<typename M::Result> call(broker::Caller caller, M method) {
    return protocol::decode_response<M>(ask(std::move(caller), std::move(method)));
  }
  // Asks for a change, lets it run, and gives the operation as it is then.
  template <class M>
  Result<protocol::OperationView> perform(broker::Caller caller, M method) {
    TRY(const auto accepted, call(caller, std::move(method)));
    settle();
    return call(caller, protocol::OperationShow{.id = accepted.operation->id});
  }
  Result<protocol::OperationView> create(const std::string& name, bool start = true, protocol::CloneMode mode = protocol::CloneMode::online);

  const broker::Family& family() { return families.kept.at(pos1); }
  const broker::Clone* clone(const std::string& name);

  // Nothing that an operation made is left: no clone, no volume but pos1's, no domain but pos1, no lock held, nobody paused or quiesced.
  void expect_untouched();

  VmName pos1;
  Uuid pos1_uuid;
  FakeClock clock;
  FakeJournal journal{clock};
  FakeConfiguration configuration;
  FakeFamilies families;
  FakeBlockDevices devices;
  FakePeripherals peripherals;
  FakeLeases leases;
  FakeGrants grants;
  FakeStorage storage;
  FakeToolstack toolstack;
  FakeMemories memories{toolstack};
  FakeNetwork network;
  FakeGuestLink guests;
  FakePolicy policy;
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<broker::Broker> broker;
  std::vector<protocol::OperationView> notified;
  std::shared_ptr<broker::Notify> notify;
};

CloneName clone_name(const std::string& text);
std::vector<std::string> step_states(const protocol::OperationView& operation);  // "quiesce done", …

}  // namespace zynclone::tests
