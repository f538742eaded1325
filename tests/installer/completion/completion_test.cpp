// Bash's completion as bash does it, against pretended services.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/service/paged_service.hpp"
#include "tests/support/service/program_help.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

constexpr const char* k_library = "/usr/share/bash-completion/bash_completion";

class Completion : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(k_library)) GTEST_SKIP() << "bash-completion is not installed";
  }

  // What is offered for the last of these words, sorted.
  std::vector<std::string> complete(std::vector<std::string> words, const std::string& programs = bin_folder()) {
    const std::string program = words.front();
    std::string script = std::string(". ") + k_library + "; . " TEST_SOURCE_DIR "/installer/completion/" + program +
                         ".bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE}; _" + program +
                         "; printf '%s\\n' \"${COMPREPLY[@]}\"";
    words.insert(words.begin(), {"--norc", "-c", script, "bash"});
    ProgramRun run("/bin/bash", words, {{"PATH", programs + ":/usr/bin:/bin"},
                                        {"ZYNCLONE_SOCKET", service.path()},
                                        {"ZYNCLONE_BROKER_SOCKET", service.path()}});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(run.errors(), "");
    std::vector<std::string> offered;
    std::istringstream lines(run.output());
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) offered.push_back(line);
    }
    std::sort(offered.begin(), offered.end());
    return offered;
  }

  template <class R>
  void will_answer(R result) {
    service.add([result = std::move(result)](Conversation& c) {
      c.answer(c.read_request(), result);
      c.wait_closed();
    });
  }

  // vmclone's list asks who has production besides.
  void will_answer_list(protocol::CloneListing listing) {
    service.add([listing = std::move(listing)](Conversation& c) {
      c.answer(c.read_request(), listing);
      c.answer(c.read_request(), sample_family());
      c.wait_closed();
    });
  }

  static protocol::CloneListing two_clones() {
    auto other = sample_clone();
    other.name = CloneName::parse("rehearsal").value();
    return {{sample_clone(), other}};
  }

  TemporaryFolder folder;
  FakeService service{folder / "s"};
};

using Words = std::vector<std::string>;

TEST_F(Completion, Commands) {
  EXPECT_EQ(complete({"zynclone", ""}), (Words{"clone", "cutover", "family", "operation", "peripheral", "volume"}));
  EXPECT_EQ(complete({"zynclone", "clone", "re"}), (Words{"remove", "rename"}));
  EXPECT_EQ(complete({"zynclone", "operation", ""}), (Words{"cancel", "list", "show", "watch"}));
  EXPECT_EQ(complete({"vmclone", "a"}), (Words{"activate", "approval", "audit"}));
  EXPECT_EQ(complete({"vmclone", "policy", ""}), (Words{"check", "explain"}));
  for (const char* program : {"zynclone", "vmclone"}) {
    EXPECT_EQ(complete({program, "cutover", ""}), (Words{"commit", "show", "start", "undo"}));
    EXPECT_EQ(complete({program, "volume", ""}), (Words{"list", "switch"}));
    EXPECT_EQ(complete({program, "peripheral", ""}), Words{"list"});
  }
  EXPECT_EQ(complete({"zynclone", "clone", "un"}), Words{"unprotect"});
  EXPECT_EQ(complete({"vmclone", "un"}), Words{"unprotect"});
  EXPECT_EQ(complete({"vmclone", "create", "pos1", "--network", "i"}), Words{"isolated"});
  EXPECT_EQ(complete({"zynclone", "clone", "create", "--network", ""}), (Words{"isolated", "original"}));
  EXPECT_EQ(complete({"vmclone", "policy", "explain", "pos1", "cutover."}), (Words{"cutover.commit", "cutover.start", "cutover.undo"}));
  EXPECT_EQ(complete({"vmclone", "grant", "pos1", "volume."}), Words{"volume.switch"});
}

TEST_F(Completion, EveryCommandOffersItsOptionsAndWhatIsBelowIt) {
  service.go_away();
  for (const char* program : {"zynclone", "vmclone", "zynclone-sandbox"}) {
    for_each_command(program, [&](const CommandHelp& help) {
      Words words{program};
      words.insert(words.end(), help.command.begin(), help.command.end());
      words.push_back("--");
      const Words offered = complete(words);
      std::set<std::string> options(offered.begin(), offered.end());
      options.erase("--");  // before a command of the guest's
      EXPECT_EQ(options, help.options) << testing::PrintToString(words);
      if (help.commands.empty()) return;
      words.back() = "";
      EXPECT_EQ(complete(words), Words(help.commands.begin(), help.commands.end())) << testing::PrintToString(words);
    });
  }
}

TEST_F(Completion, OfTheSandbox) {
  EXPECT_EQ(complete({"zynclone-sandbox", "d"}), (Words{"detach", "domain", "down"}));
  EXPECT_EQ(complete({"zynclone-sandbox", "domain", "un"}), Words{"unpause"});
  EXPECT_EQ(complete({"zynclone-sandbox", "service", ""}), (Words{"list", "start", "stop"}));
  EXPECT_EQ(complete({"zynclone-sandbox", "detach", "--f"}), Words{"--force"});
  EXPECT_EQ(complete({"zynclone-sandbox", "up", "--"}), (Words{"--dir", "--disk-size", "--help", "--vm"}));
  EXPECT_EQ(complete({"zynclone-sandbox", "attach", "--dir", "/nowhere", ""}), Words{}) << "nothing runs there";
  EXPECT_EQ(complete({"zynclone-sandbox", "exec", "pos1", "--", "d"}), Words{}) << "another program's";
}

TEST_F(Completion, OfTheSandboxsDomains) {
  folder.write_program("zynclone-sandbox", "#!/bin/sh\necho 'domain state uuid name'\necho '1 running u pos1'\necho '2 paused u pos1.upgrade-1'\necho '3 running u $(evil)'\n");
  EXPECT_EQ(complete({"zynclone-sandbox", "attach", ""}, folder.path().string()), (Words{"pos1", "pos1.upgrade-1"}));
  EXPECT_EQ(complete({"zynclone-sandbox", "domain", "pause", "pos1."}, folder.path().string()), Words{"pos1.upgrade-1"});
}

TEST_F(Completion, Options) {
  EXPECT_EQ(complete({"zynclone", "clone", "create", "--no"}), (Words{"--no-start", "--note"}));
  EXPECT_EQ(complete({"zynclone", "clone", "create", "--mode", "o"}), (Words{"offline", "online"}));
  EXPECT_EQ(complete({"zynclone", "clone", "start", "x", "--w"}), Words{"--wait"});
  EXPECT_EQ(complete({"zynclone", "clone", "list", "--w"}), Words{});
  EXPECT_EQ(complete({"zynclone", "cutover", "start", "x", "--pr"}), Words{"--probation"});
  EXPECT_EQ(complete({"zynclone", "cutover", "start", "x", "--after", ""}), (Words{"commit", "undo"}));
  EXPECT_EQ(complete({"zynclone", "cutover", "undo", "--w"}), Words{"--wait"});
  EXPECT_EQ(complete({"zynclone", "cutover", "show", "--w"}), Words{});
  EXPECT_EQ(complete({"zynclone", "clone", "create", "--tt"}), Words{"--ttl"});
  EXPECT_EQ(complete({"vmclone", "cutover", "start", "pos1", "x", "--after", "c"}), Words{"commit"});
  EXPECT_EQ(complete({"vmclone", "audit", "list", "--after", ""}), Words{});
  EXPECT_EQ(complete({"vmclone", "grant", "pos1", "cutover.*", "--u"}), Words{"--until"});
  EXPECT_EQ(complete({"vmclone", "grant", "list", "--u"}), Words{});
  EXPECT_EQ(complete({"vmclone", "volume", "switch", "pos1", "--pl"}), Words{"--plan"});
  EXPECT_EQ(complete({"vmclone", "audit", "verify", "--m"}), Words{"--mark"});
  EXPECT_EQ(complete({"vmclone", "create", "pos1", "--mo"}), Words{"--mode"});
}

TEST_F(Completion, LiveNamesOfClones) {
  will_answer(two_clones());
  EXPECT_EQ(complete({"zynclone", "clone", "remove", ""}), (Words{"rehearsal", "upgrade-1"}));
  will_answer(two_clones());
  EXPECT_EQ(complete({"zynclone", "clone", "show", "--json", "up"}), Words{"upgrade-1"});
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "start", "pos1", ""}), (Words{"rehearsal", "upgrade-1"}));
}

TEST_F(Completion, LiveMembersVolumesAndGrants) {
  will_answer(two_clones());
  will_answer(two_clones());
  EXPECT_EQ(complete({"zynclone", "cutover", "start", ""}), (Words{"pos1", "rehearsal", "upgrade-1"})) << "the original is a member too";
  will_answer(protocol::VolumeListing{{sample_volume()}});
  EXPECT_EQ(complete({"zynclone", "volume", "switch", ""}), Words{"sales"});
  will_answer(two_clones());
  will_answer(two_clones());
  EXPECT_EQ(complete({"zynclone", "volume", "switch", "sales", "up"}), Words{"upgrade-1"});

  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "run", "pos1", "--clone", "up"}), Words{"upgrade-1"});
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "repair", "pos1", "--to", ""}), (Words{"pos1", "rehearsal", "upgrade-1"}));
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "cutover", "start", "pos1", ""}), (Words{"pos1", "rehearsal", "upgrade-1"}));
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "cutover", "undo", ""}), Words{"pos1"});
  will_answer(protocol::VolumeListing{{sample_volume()}});
  EXPECT_EQ(complete({"vmclone", "volume", "switch", "pos1", ""}), Words{"sales"});
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "volume", "switch", "pos1", "sales", "r"}), Words{"rehearsal"});
  will_answer(protocol::GrantListing{{sample_grant()}});
  EXPECT_EQ(complete({"vmclone", "grant", "revoke", ""}), Words{sample_grant().id.text()});
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "grant", ""}), (Words{"list", "pos1", "revoke"}));
}

TEST_F(Completion, LiveOperationsAndApprovals) {
  const Words id{sample_operation_id().text()};
  will_answer(protocol::OperationListing{{sample_operation(1)}});
  EXPECT_EQ(complete({"zynclone", "operation", "watch", ""}), id);
  will_answer(protocol::OperationListing{{sample_operation(1)}});
  EXPECT_EQ(complete({"vmclone", "operation", "show", "01"}), id);
  will_answer(protocol::ApprovalListing{{{.operation = awaiting_operation(), .expires = sample_time()}}});
  EXPECT_EQ(complete({"vmclone", "approval", "allow", ""}), id);
}

TEST_F(Completion, NamesOfThousandsOfClonesAreAllOffered) {
  for (const std::size_t count : {std::size_t{200}, std::size_t{1000}}) {
    Paged paged{.clones = many_clones(count), .operations = many_operations(count)};
    const auto serve = [&](Conversation& c) { paged.serve(c); };
    service.add(serve);
    EXPECT_EQ(complete({"zynclone", "clone", "start", ""}).size(), count);
    service.add(serve);
    EXPECT_EQ(complete({"vmclone", "start", "pos1", ""}).size(), count);
    service.add(serve);
    EXPECT_EQ(complete({"vmclone", "operation", "show", ""}).size(), 200u) << "the newest";
    service.add(serve);
    EXPECT_EQ(complete({"vmclone", "approval", "allow", ""}).size(), count);
  }
}

TEST_F(Completion, Health) {
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "health", "pos"}), Words{"pos1"});
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "health", "pos1", ""}), (Words{"rehearsal", "upgrade-1"}));
  EXPECT_EQ(complete({"vmclone", "audit", "list", "--la"}), Words{"--last"});
}

TEST_F(Completion, VmsThatHaveClones) {
  will_answer_list(two_clones());
  EXPECT_EQ(complete({"vmclone", "show", "pos"}), Words{"pos1"});
}

TEST_F(Completion, WithoutAServiceNothingIsOfferedAndNothingSaid) {
  service.go_away();
  EXPECT_EQ(complete({"zynclone", "clone", "start", ""}), Words{});
  EXPECT_EQ(complete({"vmclone", "operation", "show", ""}), Words{});
}

// A note is free text; what looks like a name in it must not be offered, nor run.
TEST_F(Completion, TextOfOthersIsNoName) {
  auto clone = sample_clone();
  clone.note = "\"name\": \"evil\"\n      \"name\": \"evil\",\n$(touch /tmp/evil)";
  will_answer(protocol::CloneListing{{clone}});
  EXPECT_EQ(complete({"zynclone", "clone", "start", ""}), Words{"upgrade-1"});
}

}  // namespace
}  // namespace zynclone::tests
