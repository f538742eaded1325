// run, rehearse and upgrade: what is asked of the broker, in which order, and what becomes of each failure.
#include <algorithm>
#include <map>

#include "tests/host-broker/app/vmclone/fixture.hpp"

namespace zynclone::tests {
namespace {

using protocol::OperationState;
using Lines = std::vector<std::string>;

// A broker of one VM, pos1, that does all at once and writes down what it was asked: "clone.create standby".
struct Till {
  std::string production = "pos1";
  std::optional<std::string> came_from;            // on probation
  Lines asked;
  std::map<std::string, std::string> failures;     // by what is asked: why it fails
  std::map<std::string, unsigned> unwell;          // by member: so often its health is bad
  std::map<std::string, unsigned> away;            // by member: so often its agent is not connected
  std::vector<protocol::Request> requests;
  unsigned operations = 0;
  unsigned unwell_after_undo = 0;                  // how often pos1's health is bad once the till is back
  std::string fails_after_undo;                    // what fails then

  void serve(Conversation& c) {
    for (std::string line = c.read_line(); !line.empty(); line = c.read_line()) {
      const auto request = protocol::decode_request(line, protocol::Sender::administrator);
      if (!request) return;
      serve_one(c, request.value());
    }
  }
  void serve_one(Conversation& c, const protocol::Request& request) {
    requests.push_back(request);
    std::visit([&](const auto& method) { answer(c, request, method); }, request.method);
  }

 private:
  void answer(Conversation& c, const protocol::Request& request, const protocol::AgentHealth& method) {
    const std::string member = method.clone ? method.clone->text() : "pos1";
    if (away[member] > 0) {
      --away[member];
      return c.fail(request, Error{Errc::unavailable, "cannot ask the agent in '" + member + "': its agent is not connected"});
    }
    asked.push_back("agent.health " + member);
    protocol::GuestHealthReport report{.healthy = true, .checks = {{.name = "10-till", .healthy = true, .detail = "open"}}};
    if (unwell[member] > 0) {
      --unwell[member];
      report = {.healthy = false, .checks = {{.name = "10-till", .healthy = false, .detail = "closed"}}};
    }
    c.answer(request, report);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::CutoverShow&) {
    protocol::CutoverView view{.production = production, .generation = 4};
    if (came_from) view.probation = sample_probation();
    c.answer(request, view);
  }
  void answer(Conversation& c, const protocol::Request& request, const protocol::OperationWatch& method) {
    protocol::OperationView view = last_;
    view.id = method.id;
    c.answer(request, view);
  }
  template <class M>
  void answer(Conversation& c, const protocol::Request& request, const M& method) {
    std::string what(M::method);
    if constexpr (requires { method.name.text(); }) what += ' ' + method.name.text();
    if constexpr (std::is_same_v<M, protocol::AgentRun>) what += ' ' + (method.clone ? method.clone->text() : "pos1");
    asked.push_back(what);
    last_ = finished_operation();
    last_.steps.clear();
    last_.kind = std::string(M::method);
    last_.id = OperationId::parse("01JD00000000000000000" + std::to_string(10'000 + ++operations)).value();
    const auto failure = failures.find(what);
    if (failure != failures.end()) {
      last_.state = OperationState::failed;
      last_.summary.clear();
      last_.error = protocol::ErrorView{.code = "conflict", .message = failure->second, .place = ""};
    } else {
      if constexpr (std::is_same_v<M, protocol::CutoverStart>) {
        came_from = production;
        production = method.name.text();
      }
      if constexpr (std::is_same_v<M, protocol::CutoverUndo>) {
        production = *std::exchange(came_from, std::nullopt);
        unwell["pos1"] += unwell_after_undo;
        if (!fails_after_undo.empty()) failures[fails_after_undo] = "it does not work";
      }
      if constexpr (std::is_same_v<M, protocol::CutoverCommit>) came_from.reset();
    }
    protocol::OperationView queued = last_;
    queued.state = OperationState::queued;
    queued.error.reset();
    if constexpr (std::is_same_v<typename M::Result, protocol::Accepted>) c.answer(request, protocol::Accepted{.operation = queued});
  }

  protocol::OperationView last_;
};

class Upgrade : public Vmclone {
 protected:
  // The whole command against the till's broker.
  ProgramRun begin(Lines arguments) {
    broker.add([this](Conversation& c) { till.serve(c); });
    return start(std::move(arguments));
  }
  int run(Lines arguments) {
    auto program = begin(std::move(arguments));
    const int status = program.finish();
    output = program.output();
    errors = program.errors();
    broker.wait_idle();
    return status;
  }
  int upgrade(Lines options = {"--no-rehearsal", "--health-limit", "1ms"}) {
    Lines arguments{"upgrade", "pos1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--", "upgrade", "--all"});
    return run(arguments);
  }
  bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
  template <class M>
  const M& request_of() const {
    for (const auto& request : till.requests) {
      if (const auto* method = std::get_if<M>(&request.method)) return *method;
    }
    throw std::runtime_error("not asked");
  }

  Till till;
  std::string output;
  std::string errors;
};

const Lines k_to_the_standby{"clone.create standby", "agent.health standby", "cutover.start standby"};
const Lines k_upgraded{"agent.run pos1", "agent.health pos1"};
const Lines k_standby_removed{"clone.stop standby", "clone.remove standby"};

Lines joined(std::initializer_list<Lines> parts) {
  Lines all;
  for (const Lines& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_F(Upgrade, RunAsksForACommandAndWaits) {
  EXPECT_EQ(run({"run", "pos1", "--clone", "a", "--limit", "90s", "--", "sh", "-c", "[a,b]", "--json", ""}), 0) << errors;
  const auto& call = request_of<protocol::AgentRun>();
  EXPECT_EQ(call.command, (Lines{"sh", "-c", "[a,b]", "--json", ""}));
  EXPECT_EQ(call.clone->text(), "a");
  EXPECT_EQ(call.limit_s, 90u);
  EXPECT_EQ(till.asked, (Lines{"agent.run a"}));
  EXPECT_TRUE(says("operation 01JD")) << output;

  till.failures["agent.run pos1"] = "cannot run 'false' in 'pos1': exit status 1";
  EXPECT_EQ(run({"run", "pos1", "--", "false"}), 1);
  EXPECT_NE(errors.find("exit status 1"), std::string::npos);
}

TEST_F(Upgrade, WrongOnesNeverReachTheBroker) {
  for (const auto& [arguments, error] : std::vector<std::pair<Lines, std::string>>{
           {{"run", "pos1"}, "COMMAND is required after '--'"},
           {{"run", "pos1", "--"}, "COMMAND is required after '--'"},
           {{"run", "--", "ls"}, "VM is required"},
           {{"run", "pos1", "ls", "--", "ls"}, "ls"},
           {{"run", "pos1", "--", ""}, "it names no program (invalid-argument at COMMAND)"},
           {{"run", "pos1", "--limit", "2d", "--", "ls"}, "1s to 1d are allowed (invalid-argument at --limit)"},
           {{"rehearse", "pos1", "--limit", "0s", "--", "ls"}, "(invalid-argument at --limit)"},
           {{"rehearse", "pos1", "--name", "..", "--", "ls"}, "(invalid-argument at --name)"},
           {{"upgrade", "pos1", "--health-limit", "soon", "--", "ls"}, "(invalid-argument at --health-limit)"},
           {{"upgrade", "pos1", "--health-limit", "2h", "--", "ls"}, "cannot use health limit '2h': 1ms to 1h are allowed"},
           {{"rehearse", "pos1", "--health-limit", "0s", "--", "ls"}, "1ms to 1h are allowed"},
           {{"rehearse", "pos1", "--network", "other", "--", "ls"}, "(invalid-argument at --network)"},
           {{"upgrade", "../pos1", "--", "ls"}, "(invalid-argument at VM)"}}) {
    auto program = start(arguments);
    EXPECT_EQ(program.finish(), 2) << program.output();
    EXPECT_NE(program.errors().find(error), std::string::npos) << program.errors();
  }
  EXPECT_EQ(broker.connections(), 0u);
}

TEST_F(Upgrade, ARehearsalIsMadeTriedAskedAndRemoved) {
  till.away["look"] = 2;
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--", "upgrade"}), 0) << errors;
  EXPECT_EQ(till.asked, (Lines{"clone.create look", "agent.health look", "agent.run look", "agent.health look", "clone.stop look", "clone.remove look"}));
  const auto& create = request_of<protocol::CloneCreate>();
  EXPECT_TRUE(create.start);
  EXPECT_EQ(create.mode, protocol::CloneMode::online);
  EXPECT_EQ(create.network, protocol::CloneNetwork::isolated) << "what is only tried is not heard in the shop";
  EXPECT_EQ(create.ttl_s, 3600u + 600u) << "it is removed whatever becomes of vmclone";
  EXPECT_TRUE(says("rehearsal of 'upgrade' for pos1: it succeeds, and its clone is well afterwards\n")) << output;
}

TEST_F(Upgrade, ARehearsalMayBeLiveAndOnTheOriginalsNetwork) {
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--mode", "live", "--network", "original", "--", "upgrade"}), 0) << errors;
  EXPECT_EQ(request_of<protocol::CloneCreate>().mode, protocol::CloneMode::live);
  EXPECT_EQ(request_of<protocol::CloneCreate>().network, protocol::CloneNetwork::original);
  EXPECT_EQ(run({"rehearse", "pos1", "--mode", "offline", "--", "upgrade"}), 2);
  EXPECT_NE(errors.find("(invalid-argument at --mode)"), std::string::npos) << errors;
}

TEST_F(Upgrade, EachFailureOfARehearsalIsSaidAndNothingIsLeft) {
  till.failures["agent.run look"] = "cannot run 'upgrade' in 'look': exit status 3: no space";
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--", "upgrade"}), 1);
  EXPECT_EQ(till.asked, (Lines{"clone.create look", "agent.health look", "agent.run look", "clone.stop look", "clone.remove look"}));
  EXPECT_NE(errors.find("vmclone: the rehearsal failed: cannot run 'upgrade' in 'look': exit status 3: no space"), std::string::npos) << errors;

  till = Till();
  till.unwell["look"] = 100'000;
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--health-limit", "1ms", "--", "upgrade"}), 1);
  EXPECT_NE(errors.find("'look' is not well: 10-till: closed"), std::string::npos) << errors;
  EXPECT_EQ(till.asked.back(), "clone.remove look");

  till = Till();
  till.failures["clone.create look"] = "no room";
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--", "upgrade"}), 1);
  EXPECT_EQ(till.asked, (Lines{"clone.create look"}));

  till = Till();
  till.failures["clone.remove look"] = "the pool is away";
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--", "upgrade"}), 0) << "the rehearsal itself went well";
  EXPECT_NE(errors.find("clone look is left (vmclone remove pos1 look): the pool is away"), std::string::npos) << errors;
}

TEST_F(Upgrade, ARehearsalMayBeKept) {
  till.failures["agent.run look"] = "exit status 3";
  EXPECT_EQ(run({"rehearse", "pos1", "--keep", "--name", "look", "--", "upgrade"}), 1);
  EXPECT_EQ(till.asked, (Lines{"clone.create look", "agent.health look", "agent.run look"}));
  EXPECT_TRUE(says("clone look is kept for 70m from its making")) << output;
}

TEST_F(Upgrade, ARehearsalInJson) {
  EXPECT_EQ(run({"rehearse", "pos1", "--name", "look", "--json", "--", "upgrade"}), 0) << errors;
  EXPECT_TRUE(output.starts_with("{\"vm\":\"pos1\",\"clone\":\"look\",\"command\":\"upgrade\",\"succeeded\":true,\"stages\":[{\"what\":\"made look\",\"took_ms\":")) << output;
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << "one document, and nothing else";
}

TEST_F(Upgrade, GoesOverAndBackWithARehearsalBefore) {
  EXPECT_EQ(upgrade({}), 0) << errors;
  ASSERT_GE(till.asked.size(), 6u);
  EXPECT_TRUE(till.asked[0].starts_with("clone.create rehearsal-")) << till.asked[0];
  EXPECT_TRUE(till.asked[5].starts_with("clone.remove rehearsal-")) << till.asked[5];
  EXPECT_EQ(Lines(till.asked.begin() + 6, till.asked.end()),
            joined({k_to_the_standby, k_upgraded, {"cutover.undo", "agent.health pos1"}, k_standby_removed}));
  const auto& cutover = request_of<protocol::CutoverStart>();
  EXPECT_EQ(cutover.probation_s, 1800u + 3600u);
  EXPECT_EQ(cutover.after_probation, protocol::AfterProbation::undo) << "it goes back by itself whatever becomes of vmclone";
  EXPECT_EQ(request_of<protocol::AgentRun>().command, (Lines{"upgrade", "--all"}));
  for (const char* line : {"the till sells on pos1; the upgrade is rehearsed in a private clone of it\n", "the till sells on pos1; standby is cloned from it\n",
                           "the till moves to standby: it stands still for a moment\n", "the till sells on standby; pos1 is upgraded, silent\n",
                           "the till moves back to pos1: it stands still for a moment\n", "the till sells on pos1; is it well there?\n",
                           "the till sells on pos1, upgraded; standby is removed\n", "upgrade of pos1: done\n"}) {
    EXPECT_TRUE(says(line)) << line << "is not in\n" << output;
  }
  EXPECT_TRUE(output.ends_with("the till sells on pos1, upgraded\n")) << output;
}

TEST_F(Upgrade, WaitsForAnOriginalThatStartsAnew) {
  till.away["pos1"] = 2;
  EXPECT_EQ(upgrade(), 0) << errors;
  EXPECT_EQ(till.production, "pos1");
}

TEST_F(Upgrade, WhatFailsBeforeTheCutoverChangesNothing) {
  for (const auto& [what, asked] : std::vector<std::pair<std::string, Lines>>{
           {"clone.create standby", {"clone.create standby"}},
           {"cutover.start standby", joined({k_to_the_standby, k_standby_removed})}}) {
    till = Till();
    till.failures[what] = "it does not work";
    EXPECT_EQ(upgrade(), 1);
    EXPECT_EQ(till.asked, asked) << what;
    EXPECT_TRUE(says("nothing has changed: the till sells on pos1\n")) << output;
    EXPECT_NE(errors.find("vmclone: the upgrade of pos1 failed: it does not work"), std::string::npos) << errors;
  }
}

TEST_F(Upgrade, AFailedRehearsalEndsIt) {
  // Its clone's name is not known before, so the command fails wherever it is run in a clone.
  broker.add([this](Conversation& c) {
    for (std::string line = c.read_line(); !line.empty(); line = c.read_line()) {
      const auto request = protocol::decode_request(line, protocol::Sender::administrator).value();
      if (const auto* create = std::get_if<protocol::CloneCreate>(&request.method)) till.failures["agent.run " + create->name.text()] = "exit status 3";
      till.serve_one(c, request);
    }
  });
  auto program = start({"upgrade", "pos1", "--", "upgrade"});
  EXPECT_EQ(program.finish(), 1);
  EXPECT_NE(program.errors().find("the rehearsal failed"), std::string::npos) << program.errors();
  EXPECT_NE(program.output().find("nothing has changed: the till sells on pos1\n"), std::string::npos) << program.output();
  broker.wait_idle();
  EXPECT_EQ(till.asked.size(), 5u);
  EXPECT_EQ(till.production, "pos1");
}

TEST_F(Upgrade, AnOriginalThatIsNotFitLeavesTheTillWithTheStandby) {
  const Lines hints{"the till sells on standby; pos1 is left as it is, for a look:\n", "  vmclone health pos1", "  vmclone run pos1 -- COMMAND", "  vmclone cutover start pos1 pos1"};
  till.failures["agent.run pos1"] = "exit status 3";
  EXPECT_EQ(upgrade(), 1);
  EXPECT_EQ(till.asked, joined({k_to_the_standby, {"agent.run pos1", "cutover.commit"}}));
  for (const std::string& hint : hints) EXPECT_TRUE(says(hint)) << hint << output;
  EXPECT_EQ(till.production, "standby");
  EXPECT_FALSE(till.came_from);

  till = Till();
  till.unwell["pos1"] = 100'000;
  EXPECT_EQ(upgrade(), 1);
  EXPECT_EQ(till.production, "standby");
  EXPECT_FALSE(till.came_from);
  EXPECT_NE(errors.find("'pos1' is not well: 10-till: closed"), std::string::npos) << errors;

  till = Till();
  till.failures["cutover.undo"] = "cannot acquire volume 'sales'";
  EXPECT_EQ(upgrade(), 1);
  EXPECT_EQ(till.asked, joined({k_to_the_standby, k_upgraded, {"cutover.undo", "cutover.commit"}}));
  for (const std::string& hint : hints) EXPECT_TRUE(says(hint)) << hint << output;

  till = Till();
  till.failures["agent.run pos1"] = "exit status 3";
  till.failures["cutover.commit"] = "the journal cannot be written";
  EXPECT_EQ(upgrade(), 1);
  EXPECT_TRUE(says("  vmclone cutover commit pos1   at once, or the till goes back to it when the probation ends")) << output;
}

TEST_F(Upgrade, WhereTheTillIsNotWellBackThereItMovesOnceMore) {
  till.unwell_after_undo = 100'000;
  EXPECT_EQ(upgrade(), 1);
  EXPECT_EQ(till.production, "standby");
  EXPECT_FALSE(till.came_from);
  EXPECT_EQ(till.asked.back(), "cutover.commit");
  EXPECT_TRUE(says("the till sells on standby; pos1 is left as it is, for a look:\n")) << output;

  till = Till();
  till.unwell_after_undo = 100'000;
  till.fails_after_undo = "cutover.start standby";
  EXPECT_EQ(upgrade(), 1);
  EXPECT_EQ(till.production, "pos1");
  EXPECT_TRUE(says("the till sells on pos1\nit could not be moved to standby, which is left")) << output;
}

TEST_F(Upgrade, BeginsOnlyWhereTheOriginalSells) {
  till.production = "standby";
  EXPECT_EQ(upgrade(), 6);
  EXPECT_NE(errors.find("'standby' has production"), std::string::npos) << errors;
  till.production.clear();
  EXPECT_EQ(upgrade(), 6);
  EXPECT_NE(errors.find("vmclone repair pos1"), std::string::npos) << errors;
  till.production = "standby";
  till.came_from = "pos1";
  EXPECT_EQ(upgrade(), 6);
  EXPECT_NE(errors.find("commit or undo that cutover first"), std::string::npos) << errors;
  EXPECT_TRUE(till.asked.empty());
}

TEST_F(Upgrade, APlanDoesNothing) {
  EXPECT_EQ(upgrade({"--plan", "--name", "second"}), 0) << errors;
  EXPECT_TRUE(output.starts_with("plan of the upgrade of pos1\n  1. rehearse: run 'upgrade --all' in a private clone of pos1")) << output;
  EXPECT_TRUE(says("  3. move the till to second: it stands still for a moment; on probation for 90m, then undone\n")) << output;
  EXPECT_TRUE(output.ends_with("nothing was done\n"));
  EXPECT_TRUE(till.asked.empty());
  EXPECT_EQ(upgrade({"--plan", "--json"}), 0);
  EXPECT_TRUE(output.starts_with("{\"vm\":\"pos1\",\"standby\":\"standby\",\"command\":\"upgrade --all\",\"plan\":[\"rehearse: ")) << output;
}

TEST_F(Upgrade, InJsonItIsOneDocument) {
  till.failures["agent.run pos1"] = "exit status 3";
  EXPECT_EQ(upgrade({"--no-rehearsal", "--json"}), 1);
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
  EXPECT_NE(output.find("\"succeeded\":false,\"production\":\"standby\",\"next\":[\"the till sells on standby; pos1 is left"), std::string::npos) << output;
  EXPECT_NE(output.find("\"error\":{\"code\":\"conflict\",\"message\":\"exit status 3\""), std::string::npos) << output;
}

}  // namespace
}  // namespace zynclone::tests
