// No guest sees where the host keeps what, or which number a domain has: in no error, no operation, no step.
#include "host-broker/core/views_for_guest.hpp"

#include <regex>

#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

constexpr Errc k_all[] = {Errc::malformed,  Errc::too_large,     Errc::unsupported_version, Errc::unknown_method, Errc::invalid_argument,
                          Errc::refused,    Errc::not_found,     Errc::already_exists,      Errc::conflict,       Errc::busy,
                          Errc::limit_exceeded, Errc::rate_limited, Errc::no_space,         Errc::timed_out,      Errc::unavailable,
                          Errc::moved,      Errc::expired,       Errc::cancelled,           Errc::configuration,  Errc::storage,
                          Errc::xen,        Errc::system,        Errc::internal};

// As the host's parts say it.
const std::vector<Error> k_errors = {
    {Errc::not_found, "cannot copy '/var/lib/xen/images/pos1.qcow2': there is no such file"},
    {Errc::not_found, "cannot find '/dev/vg0/pos1-root': there is no such logical volume"},
    {Errc::conflict, "cannot copy '/srv/images/pos1.raw' while its VM runs: the file system of '/srv/images' does not share blocks"},
    {Errc::invalid_argument, "cannot copy '/dev/sda': of block devices only thin logical volumes can be copied, named /dev/<group>/<volume>"},
    {Errc::no_space, "cannot make a copy in thin pool of 'vg0/pos1-root': of its data, 10 GiB, 1 MiB is free, and 1 GiB must stay free", "/dev/vg0/pos1-root"},
    {Errc::storage, "cannot run 'lvcreate': exit status 5: Volume group \"vg0\" not found in /dev/mapper", "vg0/pool"},
    {Errc::xen, "cannot start domain 'pos1.a': xl: libxl: error: libxl_create.c:1208: Domain 12:Non-existent disk /dev/vg0/x", "/etc/xen/pos1.cfg"},
    {Errc::already_exists, "cannot create 'pos1.a': domain 7 has the same name or UUID"},
    {Errc::conflict, "cannot remove clone 'a': domain 7 runs on its volumes (domid=7, /local/domain/7)"},
    {Errc::system, "cannot write '/var/lib/zynclone/journal.db': No space left on device", "/var/lib/zynclone/journal.db"},
    {Errc::busy, "cannot open journal '/var/lib/zynclone/journal.db': another broker has it", "/var/lib/zynclone/journal.db"},
    {Errc::unavailable, "cannot open XenStore at '/run/xenstored/socket': Connection refused"},
    {Errc::timed_out, "cannot lock down 'pos1': generation 4 was not acknowledged within 10000 ms ('domain 5' acknowledged nothing)"},
    {Errc::refused, "cannot use VM 'pos1': it is not enabled, there is no '/etc/xen/clone/guest/pos1.conf'"},
    {Errc::configuration, "cannot use key 'disk'", "/etc/xen/clone/base.json:3"},
    {Errc::internal, "cannot undo step 'snapshot xvda': /usr/sbin/lvremove ended by signal 9 in domain 0"},
    {Errc::cancelled, "cancelled before step 'snapshot xvda' of /dev/vg0/pos1-root"},
};

// A path, or a domain's number.
const std::regex k_secret(R"((^|[^A-Za-z0-9])/(?!params)[A-Za-z<]|[Dd]omain[ =:'"]*[0-9]|domid)");
// What the host's own faults, with the codes that they have, must not tell besides.
const std::regex k_host_matter(R"(vg0/|\.cfg|\.conf|libxl|lvcreate|zhapcon|journal)");

std::string trouble_in(const std::string& text) {
  std::smatch found;
  if (std::regex_search(text, found, k_secret) || std::regex_search(text, found, k_host_matter)) return found.str();
  return "";
}

void expect_fit(const Error& error) {
  EXPECT_EQ(trouble_in(error.message), "") << error.message;
  EXPECT_TRUE(error.place.empty() || error.place.starts_with("/params")) << error.place;
}

void expect_fit(const OperationView& view) {
  EXPECT_EQ(trouble_in(encode_view(view)), "") << encode_view(view);
  EXPECT_FALSE(view.decision);
}

TEST(ForGuest, EveryCodeHidesPathsAndDomains) {
  for (const Errc code : k_all) {
    for (const Error& error : k_errors) {
      const Error shown = broker::for_guest(Error{code, error.message, error.place});
      EXPECT_FALSE(std::regex_search(shown.message, k_secret)) << shown.message;
      EXPECT_EQ(shown.place, "");
    }
    EXPECT_EQ(broker::for_guest(Error{code, "x"}).code, code);
  }
}

TEST(ForGuest, TheHostsFaultsAreNotExplained) {
  for (const Error& error : k_errors) expect_fit(broker::for_guest(error));
}

TEST(ForGuest, WhatIsTheRequestersOwnStaysReadable) {
  const Error name{Errc::already_exists, "cannot create clone 'a': 'a' is in use in the family of 'pos1'", "/params/name"};
  EXPECT_EQ(broker::for_guest(name), name);
  const Error pointer{Errc::invalid_argument, "cannot use '/params/name': expected a text", "/params/name"};
  EXPECT_EQ(broker::for_guest(pointer), pointer);
  const Error denied{Errc::denied, "denied by an administrator: see http://wiki/9 or domain 9"};
  EXPECT_EQ(broker::for_guest(denied), denied) << "an administrator's reason is meant for it";
  EXPECT_EQ(broker::for_guest(k_errors[2]).message, "cannot copy 'pos1.raw' while its VM runs: the file system of 'images' does not share blocks");
  EXPECT_EQ(broker::for_guest(k_errors[13]), (Error{Errc::refused, "refused"}));
}

TEST(ForGuest, StepsReadAsInTheirSample) {
  for (const char* text : {"snapshot pos1-root → pos1-root.z01jd (thin, 1 GiB)", "quiesced pos1 (1.2 s, 2 hooks)",
                           "published lockdown, generation 4 (acknowledged by zhapcon)", "started paused, locked down, unpaused",
                           "clone upgrade-1 is running: interfaces 0 disabled (mask 0x0), disks filesystem-consistent"}) {
    EXPECT_EQ(broker::for_guest(std::string_view(text)), text);
  }
}

TEST(ForGuest, WhatCanBeDoneStaysSaid) {
  const Error error{Errc::storage, "lvremove failed; it cannot be taken back any more: ask for it again to finish it"};
  EXPECT_TRUE(broker::for_guest(error).message.ends_with("; ask for it again to finish it"));
  const Error left{Errc::storage, "lvcreate failed; what was done could not all be undone: lvremove failed"};
  EXPECT_TRUE(broker::for_guest(left).message.ends_with("; what was done could not all be undone"));
}

// Every error at every place where an operation meets storage and Xen, through to what the guest is sent.
TEST(ForGuest, NothingInAnOperationThatFails) {
  for (const Error& error : k_errors) {
    World world;
    world.storage.fails = [&](const std::string& call) { return call.starts_with("snapshot") ? std::optional(error) : std::nullopt; };
    const auto failed = world.create("a");
    ASSERT_OK(failed);
    EXPECT_EQ(failed.value().state == OperationState::failed || failed.value().state == OperationState::cancelled, true);
    expect_fit(failed.value());
    for (const auto& view : world.notified) expect_fit(view);
    const auto whole = world.call(world.admin(), OperationShow{.id = failed.value().id});
    ASSERT_OK(whole);
    EXPECT_EQ(whole.value().error->message.find(error.message), 0u) << "an administrator sees all of it";
    EXPECT_EQ(whole.value().error->place, error.place);
  }
}

TEST(ForGuest, NothingWhenItsUndoFailsToo) {
  for (const Error& error : k_errors) {
    World world;
    world.toolstack.fails = [&](const std::string&) { return std::optional(error); };
    world.storage.fails = [&](const std::string& call) { return call.starts_with("remove") ? std::optional(error) : std::nullopt; };
    const auto failed = world.create("a");
    if (!failed) {
      expect_fit(failed.error());
      continue;
    }
    expect_fit(failed.value());
    for (const auto& view : world.notified) expect_fit(view);
  }
}

TEST(ForGuest, NothingWhenARequestIsNotEvenTaken) {
  for (const Error& error : k_errors) {
    World world;
    world.storage.fails = [&](const std::string&) { return std::optional(error); };
    const auto refused = world.create("a");
    ASSERT_FALSE(refused);
    expect_fit(refused.error());
    CloneCreate call;
    call.name = clone_name("a");
    const auto plan = decode_response<CloneCreate>(world.ask(world.guest(), call, {}, true));
    ASSERT_FALSE(plan);
    expect_fit(plan.error());
    const auto told = world.call(world.admin(), call);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().message, error.message);
    world.journal.fails = [&](const std::string&) { return std::optional(error); };
    world.storage.fails = nullptr;
    const auto unwritten = world.create("b");
    ASSERT_FALSE(unwritten);
    expect_fit(unwritten.error());
  }
}

TEST(ForGuest, AnAdministratorsNameIsNotTold) {
  World world;
  CloneCreate call;
  call.name = clone_name("a");
  const auto made = world.perform(world.admin("ada"), call);
  ASSERT_OK(made);
  EXPECT_EQ(made.value().requester, "admin:ada");
  const auto shown = world.call(world.guest(), OperationShow{.id = made.value().id});
  ASSERT_OK(shown);
  EXPECT_EQ(shown.value().requester, "admin");
}

TEST(Views, TextsAreCutBetweenLetters) {
  World world;
  std::string message(k_longest_text - 1, 'a');
  message += "✓✓";
  world.storage.fails = [&](const std::string& call) {
    return call.starts_with("snapshot") ? std::optional(Error{Errc::storage, message, message}) : std::nullopt;
  };
  const auto made = world.create("a");
  ASSERT_OK(made);
  const auto whole = world.call(world.admin(), OperationShow{.id = made.value().id});
  ASSERT_OK(whole);
  EXPECT_EQ(whole.value().error->message, std::string(k_longest_text - 1, 'a'));
  EXPECT_EQ(whole.value().error->place, std::string(k_longest_text - 1, 'a'));
}

}  // namespace
}  // namespace zynclone::tests
