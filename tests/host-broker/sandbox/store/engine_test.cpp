#include "host-broker/sandbox/store/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "host-broker/sandbox/store/limits.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

// A client that asks one thing at a time and keeps the events that come meanwhile.
class Client {
 public:
  Client(StoreEngine& engine, DomainId domain) : engine_(engine), session_(engine, domain) {}

  StoreMessage ask(std::uint32_t type, std::string payload, std::uint32_t transaction = 0) {
    engine_.handle(session_, {type, ++request_, transaction, std::move(payload)});
    std::optional<StoreMessage> reply;
    read_output([&](StoreMessage message) { reply = std::move(message); });
    EXPECT_TRUE(reply);
    EXPECT_EQ(reply->request, request_);
    EXPECT_EQ(reply->transaction, transaction);
    EXPECT_TRUE(reply->type == type || reply->type == XS_ERROR);
    return *reply;
  }

  // The reply's payload; of an error its name.
  std::string say(std::uint32_t type, std::string payload, std::uint32_t transaction = 0) {
    return ask(type, std::move(payload), transaction).payload;
  }

  std::vector<std::string> take_events() {
    read_output([](StoreMessage) { ADD_FAILURE() << "a reply that nobody asked for"; });
    return std::exchange(events_, {});
  }

  StoreSession& session() { return session_; }

 private:
  template <class OnReply>
  void read_output(OnReply on_reply) {
    StoreReader reader;
    for (std::string bytes = session_.take_output(); !bytes.empty(); bytes = session_.take_output()) {
      reader.feed(bytes);
      auto message = reader.next().value();
      if (message->type == XS_WATCH_EVENT)
        events_.push_back(message->payload);
      else
        on_reply(std::move(*message));
    }
  }

  StoreEngine& engine_;
  StoreSession session_;
  std::uint32_t request_ = 100;
  std::vector<std::string> events_;
};

class Engine : public ::testing::Test {
 protected:
  Engine() {
    engine.add_domain({5});
    engine.introduce({5});
    NodePermissions home;
    home.entries = {{.domain = {0}}, {.domain = {5}, .access = k_may_read}};
    EXPECT_TRUE(engine.write("/local/domain/5", "", home));
    home.entries = {{.domain = {5}}};
    EXPECT_TRUE(engine.write("/local/domain/5/data", "", home));
  }

  StoreEngine engine;
  Client host{engine, {0}};
  Client guest{engine, {5}};
};

TEST_F(Engine, WritesReadsAndLists) {
  EXPECT_EQ(host.say(XS_WRITE, "/a/b\0value"s), "OK\0"s);
  EXPECT_EQ(host.say(XS_READ, "/a/b\0"s), "value");
  EXPECT_EQ(host.say(XS_MKDIR, "/a/c\0"s), "OK\0"s);
  EXPECT_EQ(host.say(XS_DIRECTORY, "/a\0"s), "b\0c\0"s);
  EXPECT_EQ(host.say(XS_RM, "/a\0"s), "OK\0"s);
  EXPECT_EQ(host.say(XS_READ, "/a\0"s), "ENOENT\0"s);
}

TEST_F(Engine, ErrorsComeAsMessagesOfTheirOwnType) {
  const auto reply = host.ask(XS_READ, "/nothing\0"s);
  EXPECT_EQ(reply.type, static_cast<std::uint32_t>(XS_ERROR));
  EXPECT_EQ(reply.payload, "ENOENT\0"s);
}

TEST_F(Engine, UnknownOperationsAreNotImplemented) {
  for (const std::uint32_t type : {0u, 15u, 16u, 20u, 23u, 1000u, 0xffffffffu}) EXPECT_EQ(guest.say(type, "x\0"s), "ENOSYS\0"s) << type;
}

TEST_F(Engine, MalformedPayloadsAreInvalid) {
  for (const auto& payload : {""s, "/a"s, "/a\0/b\0"s, "/a\0b"s, "/a\0\0"s}) {
    for (const std::uint32_t type : {XS_READ, XS_DIRECTORY, XS_GET_PERMS, XS_MKDIR, XS_RM})
      EXPECT_EQ(host.say(type, payload), "EINVAL\0"s) << type << " " << payload;
  }
  EXPECT_EQ(host.say(XS_WRITE, "/a"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_WRITE, "/a b\0x"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_WRITE, "/" + std::string(2048, 'a') + "\0x"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_WATCH, "/a\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_WATCH, "/a//\0token\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_UNWATCH, "/a"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_SET_PERMS, "/a\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_SET_PERMS, "/a\0q5\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_SET_PERMS, "/a"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_DIRECTORY_PART, "/\0x\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_DIRECTORY_PART, "/\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "X\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_GET_DOMAIN_PATH, "five\0"s), "EINVAL\0"s);
  EXPECT_EQ(host.say(XS_INTRODUCE, "9\0"s), "EINVAL\0"s);
}

TEST_F(Engine, AGuestIsInItsHome) {
  EXPECT_EQ(guest.say(XS_WRITE, "data/x\0value"s), "OK\0"s);
  EXPECT_EQ(guest.say(XS_READ, "data/x\0"s), "value");
  EXPECT_EQ(host.say(XS_READ, "/local/domain/5/data/x\0"s), "value");
  EXPECT_EQ(guest.say(XS_GET_PERMS, "data/x\0"s), "n5\0"s);
  EXPECT_EQ(guest.say(XS_WRITE, "name\0other"s), "EACCES\0"s);
}

TEST_F(Engine, LongListsComeInParts) {
  std::set<std::string> names;
  for (int number = 0; number < 700; ++number) {
    names.insert("child-" + std::to_string(number));
    ASSERT_EQ(host.say(XS_WRITE, "/many/child-" + std::to_string(number) + "\0"s), "OK\0"s);
  }
  EXPECT_EQ(host.say(XS_DIRECTORY, "/many\0"s), "E2BIG\0"s);
  std::set<std::string> listed;
  std::string generation;
  for (std::size_t offset = 0, parts = 0; parts < 10; ++parts) {
    const std::string part = host.say(XS_DIRECTORY_PART, "/many\0"s + std::to_string(offset) + "\0"s);
    ASSERT_LE(part.size(), 4096u);
    std::size_t at = part.find('\0') + 1;
    if (generation.empty()) generation = part.substr(0, at);
    EXPECT_EQ(part.substr(0, at), generation);
    bool complete = false;
    while (at < part.size()) {
      const std::string name = part.c_str() + at;
      at += name.size() + 1;
      complete = name.empty();
      if (!complete) listed.insert(name), offset += name.size() + 1;
    }
    if (complete) break;
  }
  EXPECT_EQ(listed, names);
  EXPECT_EQ(host.say(XS_DIRECTORY_PART, "/many\0" "999999\0"s), generation + "\0"s);
}

TEST_F(Engine, AWatchFiresOnceOnRegistration) {
  EXPECT_EQ(guest.say(XS_WATCH, "data\0token\0"s), "OK\0"s);
  EXPECT_EQ(guest.take_events(), (std::vector<std::string>{"data\0token\0"s}));
  EXPECT_EQ(guest.say(XS_WATCH, "/not/there\0token\0"s), "OK\0"s) << "also where nothing is";
  EXPECT_EQ(guest.take_events(), (std::vector<std::string>{"/not/there\0token\0"s}));
  EXPECT_EQ(guest.say(XS_WATCH, "data\0token\0"s), "EEXIST\0"s);
}

TEST_F(Engine, AWatchSeesWhatIsAtOrBelowInItsOwnWords) {
  guest.say(XS_WATCH, "data\0relative\0"s);
  host.say(XS_WATCH, "/local/domain/5\0absolute\0"s);
  guest.take_events();
  host.take_events();
  host.say(XS_WRITE, "/local/domain/5/data/x\0value"s);
  EXPECT_EQ(guest.take_events(), (std::vector<std::string>{"data/x\0relative\0"s}));
  EXPECT_EQ(host.take_events(), (std::vector<std::string>{"/local/domain/5/data/x\0absolute\0"s}));
  host.say(XS_WRITE, "/local/domain/55\0value"s);
  EXPECT_TRUE(host.take_events().empty());
}

TEST_F(Engine, AWatchDoesNotTellWhatItsOwnerMayNotRead) {
  guest.say(XS_WATCH, "/secret\0token\0"s);
  guest.take_events();
  host.say(XS_WRITE, "/secret/x\0value"s);
  EXPECT_TRUE(guest.take_events().empty());
  ASSERT_EQ(host.say(XS_SET_PERMS, "/secret/x\0n0\0r5\0"s), "OK\0"s);
  EXPECT_EQ(guest.take_events(), (std::vector<std::string>{"/secret/x\0token\0"s}));
}

TEST_F(Engine, RemovalFiresForWatchesOfWhatWasBelow) {
  host.say(XS_WRITE, "/a/b/c\0value"s);
  host.say(XS_WATCH, "/a/b/c\0below\0"s);
  host.say(XS_WATCH, "/a\0above\0"s);
  host.take_events();
  host.say(XS_RM, "/a/b\0"s);
  auto events = host.take_events();
  std::sort(events.begin(), events.end());
  EXPECT_EQ(events, (std::vector<std::string>{"/a/b\0above\0"s, "/a/b/c\0below\0"s})) << "one for the tree, one exactly";
}

TEST_F(Engine, UnwatchEndsIt) {
  host.say(XS_WATCH, "/a\0token\0"s);
  host.take_events();
  EXPECT_EQ(host.say(XS_UNWATCH, "/a\0other\0"s), "ENOENT\0"s);
  EXPECT_EQ(host.say(XS_UNWATCH, "/a\0token\0"s), "OK\0"s);
  host.say(XS_WRITE, "/a\0value"s);
  EXPECT_TRUE(host.take_events().empty());
}

TEST_F(Engine, UnreadEqualEventsComeOnce) {
  Client watcher(engine, {0});
  watcher.say(XS_WATCH, "/a\0token\0"s);
  watcher.take_events();
  for (int number = 0; number < 100; ++number) host.say(XS_WRITE, "/a\0value"s);
  EXPECT_EQ(watcher.take_events().size(), 1u);
  host.say(XS_WRITE, "/a\0value"s);
  EXPECT_EQ(watcher.take_events().size(), 1u);
}

TEST_F(Engine, TransactionsOfOneClientAreNotAnothers) {
  const std::string id = host.say(XS_TRANSACTION_START, "\0"s);
  const auto number = static_cast<std::uint32_t>(std::stoul(id));
  EXPECT_EQ(host.say(XS_WRITE, "/a\0inside"s, number), "OK\0"s);
  EXPECT_EQ(host.say(XS_READ, "/a\0"s), "ENOENT\0"s);
  EXPECT_EQ(host.say(XS_READ, "/a\0"s, number), "inside");
  Client other(engine, {0});
  EXPECT_EQ(other.say(XS_READ, "/a\0"s, number), "ENOENT\0"s);
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "T\0"s, number), "OK\0"s);
  EXPECT_EQ(host.say(XS_READ, "/a\0"s), "inside");
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "T\0"s, number), "ENOENT\0"s);
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "T\0"s), "ENOENT\0"s);
}

TEST_F(Engine, WatchesFireAtTheCommitAndConflictsSayAgain) {
  const auto number = static_cast<std::uint32_t>(std::stoul(host.say(XS_TRANSACTION_START, "\0"s)));
  Client watcher(engine, {0});
  watcher.say(XS_WATCH, "/a\0token\0"s);
  watcher.take_events();
  host.say(XS_WRITE, "/a\0inside"s, number);
  EXPECT_TRUE(watcher.take_events().empty());
  watcher.say(XS_WRITE, "/a\0outside"s);
  watcher.take_events();
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "T\0"s, number), "EAGAIN\0"s);
  EXPECT_TRUE(watcher.take_events().empty());
  const auto again = static_cast<std::uint32_t>(std::stoul(host.say(XS_TRANSACTION_START, "\0"s)));
  host.say(XS_WRITE, "/a\0inside"s, again);
  EXPECT_EQ(host.say(XS_TRANSACTION_END, "T\0"s, again), "OK\0"s);
  EXPECT_EQ(watcher.take_events().size(), 1u);
  EXPECT_EQ(host.say(XS_READ, "/a\0"s), "inside");
}

TEST_F(Engine, WatchesAndTransactionsOfADomainAreCountedOverItsClients) {
  Client second(engine, {5});
  for (std::size_t number = 0; number < k_most_watches; ++number) {
    Client& client = number % 2 == 0 ? guest : second;
    ASSERT_EQ(client.say(XS_WATCH, "data\0"s + std::to_string(number) + "\0"s), "OK\0"s);
  }
  EXPECT_EQ(guest.say(XS_WATCH, "data\0more\0"s), "E2BIG\0"s);
  EXPECT_EQ(second.say(XS_WATCH, "data\0more\0"s), "E2BIG\0"s);
  for (std::size_t number = 0; number < k_most_transactions; ++number)
    ASSERT_NE(guest.say(XS_TRANSACTION_START, "\0"s), "ENOSPC\0"s);
  EXPECT_EQ(second.say(XS_TRANSACTION_START, "\0"s), "ENOSPC\0"s);
  EXPECT_EQ(guest.say(XS_RESET_WATCHES, "\0"s), "OK\0"s);
  EXPECT_EQ(second.say(XS_WATCH, "data\0more\0"s), "OK\0"s);
  EXPECT_NE(second.say(XS_TRANSACTION_START, "\0"s), "ENOSPC\0"s);
}

TEST_F(Engine, AClientThatGoesTakesItsWatchesWithIt) {
  {
    Client brief(engine, {5});
    for (std::size_t number = 0; number < k_most_watches; ++number) brief.say(XS_WATCH, "data\0"s + std::to_string(number) + "\0"s);
  }
  EXPECT_EQ(guest.say(XS_WATCH, "data\0token\0"s), "OK\0"s);
}

TEST_F(Engine, DomainsAreIntroducedAndReleased) {
  host.say(XS_WATCH, "@introduceDomain\0in\0"s);
  host.say(XS_WATCH, "@releaseDomain\0out\0"s);
  guest.say(XS_WATCH, "@introduceDomain\0in\0"s);
  host.take_events();
  guest.take_events();
  EXPECT_EQ(host.say(XS_IS_DOMAIN_INTRODUCED, "9\0"s), "F\0"s);
  EXPECT_EQ(host.say(XS_INTRODUCE, "9\0" "1\0" "1\0"s), "OK\0"s);
  EXPECT_EQ(host.say(XS_IS_DOMAIN_INTRODUCED, "9\0"s), "T\0"s);
  EXPECT_EQ(host.take_events(), (std::vector<std::string>{"@introduceDomain\0in\0"s}));
  EXPECT_TRUE(guest.take_events().empty()) << "guests are not told of each other";
  host.say(XS_INTRODUCE, "9\0" "1\0" "1\0"s);
  EXPECT_TRUE(host.take_events().empty()) << "it was there already";

  EXPECT_EQ(host.say(XS_RELEASE, "9\0"s), "OK\0"s);
  EXPECT_EQ(host.take_events(), (std::vector<std::string>{"@releaseDomain\0out\0"s}));
  EXPECT_EQ(host.say(XS_RELEASE, "9\0"s), "ENOENT\0"s);
  EXPECT_EQ(host.say(XS_RELEASE, "0\0"s), "EINVAL\0"s);
}

TEST_F(Engine, OnlyTheHostIntroducesAndReleases) {
  EXPECT_EQ(guest.say(XS_INTRODUCE, "9\0" "1\0" "1\0"s), "EACCES\0"s);
  EXPECT_EQ(guest.say(XS_RELEASE, "5\0"s), "EACCES\0"s);
  EXPECT_TRUE(engine.is_introduced({5}));
  EXPECT_EQ(guest.say(XS_SET_PERMS, "@releaseDomain\0n5\0"s), "EACCES\0"s);
}

TEST_F(Engine, TheHostMayLetAGuestWatchReleases) {
  EXPECT_EQ(host.say(XS_SET_PERMS, "@releaseDomain\0n0\0r5\0"s), "OK\0"s);
  guest.say(XS_WATCH, "@releaseDomain\0out\0"s);
  guest.take_events();
  engine.introduce({9});
  engine.release({9});
  EXPECT_EQ(guest.take_events(), (std::vector<std::string>{"@releaseDomain\0out\0"s}));
  EXPECT_EQ(host.say(XS_SET_PERMS, "@other\0n0\0"s), "EINVAL\0"s);
}

TEST_F(Engine, WithADomainGoesWhatItOwned) {
  guest.say(XS_WRITE, "data/x\0value"s);
  engine.release({5});
  EXPECT_EQ(host.say(XS_DIRECTORY, "/local/domain/5\0"s), "");
  EXPECT_FALSE(engine.is_introduced({5}));
}

TEST_F(Engine, DomainPathsAndSelf) {
  EXPECT_EQ(guest.say(XS_GET_DOMAIN_PATH, "17\0"s), "/local/domain/17\0"s);
  EXPECT_EQ(guest.say(XS_IS_DOMAIN_INTRODUCED, "0\0"s), "T\0"s);
  EXPECT_EQ(guest.say(XS_IS_DOMAIN_INTRODUCED, "32752\0"s), "T\0"s) << "DOMID_SELF";
}

TEST_F(Engine, AClientThatReadsNoRepliesIsNotAskedFurther) {
  for (std::size_t number = 0; number < k_most_outstanding_replies; ++number) {
    EXPECT_TRUE(guest.session().may_ask());
    engine.handle(guest.session(), {XS_READ, 1, 0, "data\0"s});
  }
  EXPECT_FALSE(guest.session().may_ask());
  EXPECT_FALSE(guest.session().take_output().empty());
  EXPECT_TRUE(guest.session().may_ask());
}

TEST_F(Engine, AClientThatReadsNoEventsLosesSomeAndCostsLittle) {
  guest.say(XS_WATCH, "data\0"s + std::string(1000, 't') + "\0"s);
  guest.take_events();
  for (int number = 0; number < 900; ++number) host.say(XS_WRITE, "/local/domain/5/data/" + std::to_string(number) + "\0"s);
  std::size_t bytes = 0;
  for (const auto& event : guest.take_events()) bytes += event.size();
  EXPECT_LE(bytes, k_most_event_bytes);
  EXPECT_GT(bytes, k_most_event_bytes / 2);
}

TEST_F(Engine, TheHostsObserverSeesEveryChange) {
  std::vector<std::string> paths;
  engine.on_change([&](const std::string& path) { paths.push_back(path); });
  guest.say(XS_WRITE, "data/x\0value"s);
  EXPECT_EQ(paths, (std::vector<std::string>{"/local/domain/5/data/x"}));
  EXPECT_EQ(engine.read("/local/domain/5/data/x").value(), "value");
  EXPECT_EQ(engine.read("/nothing").error().code, Errc::xen);
  EXPECT_NE(engine.read("/nothing").error().message.find("ENOENT"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::sandbox
