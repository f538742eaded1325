#include "host-broker/sandbox/memories.hpp"

#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

using broker::DomainState;

class MemoriesTest : public SandboxTest {
 protected:
  DomainState state_of(DomainId id) {
    const std::vector<broker::Domain> domains = run(toolstack.list_domains()).value();
    for (const broker::Domain& domain : domains) {
      if (domain.id == id) return domain.state;
    }
    return DomainState::dying;
  }
  broker::storage::MemoryFolder images{(layout.state() / "memory").string(), {}};
  SandboxMemories memories{layout, images};
};

TEST_F(MemoriesTest, HoldsADomainAndRestoresAnotherOnItsState) {
  const auto original = run(toolstack.start_original(vm_file("pos1", "wait")));
  ASSERT_OK(original);
  ASSERT_OK(run(toolstack.unpause(original.value())));
  ASSERT_OK(write_file_whole(layout.domain(original.value()) / "state" / "last-identity", "pos1"));

  ASSERT_OK(run(memories.begin_save(original.value(), "01image", [](unsigned) {})));
  EXPECT_EQ(state_of(original.value()), DomainState::paused);
  const auto saved = run(memories.finish_save(original.value()));
  ASSERT_OK(saved);
  EXPECT_NE(saved.value().kind.find("pretended"), std::string::npos);
  ASSERT_OK(run(memories.let_go(original.value())));
  EXPECT_EQ(state_of(original.value()), DomainState::running);
  ASSERT_OK(run(memories.let_go(original.value())));

  const broker::CloneDomain clone{.original_file = vm_file("pos1"), .name = "pos1.a", .uuid = Uuid::derived("a"), .disks = {}, .vifs = {}};
  const auto restored = run(toolstack.restore_paused(clone, memories.file_of("01image")));
  ASSERT_OK(restored);
  EXPECT_EQ(state_of(restored.value()), DomainState::paused);
  EXPECT_EQ(read_file(layout.domain(restored.value()) / "state" / "last-identity", 100).value(), "pos1");
  ASSERT_OK(run(memories.remove("01image")));
  const auto again = run(toolstack.restore_paused(clone, memories.file_of("01image")));
  ASSERT_OK(again);
  EXPECT_EQ(again.value(), restored.value());
}

TEST_F(MemoriesTest, OnlyItsOwnImagesAreRestoredFrom) {
  ASSERT_OK(images.prepare());
  ASSERT_OK(write_file_whole(images.file_of("01image"), "pretended memory of domain x"));
  const broker::CloneDomain clone{.original_file = vm_file("pos1"), .name = "pos1.a", .uuid = Uuid::derived("a"), .disks = {}, .vifs = {}};
  EXPECT_FAILS(run(toolstack.restore_paused(clone, images.file_of("01image"))), Errc::malformed);
  EXPECT_FAILS(run(toolstack.restore_paused(clone, images.file_of("02image"))), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::sandbox
