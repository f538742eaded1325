#include "host-broker/sandbox/domain_spec.hpp"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::string_view k_uuid = "uuid = 5f0c1c0e-0c59-4a07-a1ac-0d1fd5b84e7e\n";

Result<DomainSpec> parse(const std::string& more) { return parse_domain_spec(std::string(k_uuid) + more, "pos1.cfg", "pos1"); }

TEST(DomainSpec, SaysDisksInterfacesAndPrograms) {
  const auto spec = parse(
      "disk0 = xvda,qcow2,/images/root.qcow2\ndisk1 = xvdb, raw, /images/cd.img, ro\n"
      "vif1 = auto,xenbr1\nvif0 = 00:16:3E:11:22:33,xenbr0,0,vifpos1a\n"
      "run0 = /bin/program  with two\nagent = no\nagent_hook_timeout = 2s\n");
  ASSERT_OK(spec);
  EXPECT_EQ(spec.value().name, "pos1");
  ASSERT_EQ(spec.value().disks.size(), 2u);
  EXPECT_EQ(disk_text(spec.value().disks[0]), "xvda,qcow2,/images/root.qcow2");
  EXPECT_EQ(disk_text(spec.value().disks[1]), "xvdb,raw,/images/cd.img,ro");
  EXPECT_FALSE(spec.value().disks[1].writable);
  ASSERT_EQ(spec.value().vifs.size(), 2u);
  EXPECT_EQ(spec.value().vifs[0].index, 0u);
  EXPECT_EQ(vif_text(spec.value().vifs[0]), "00:16:3e:11:22:33,xenbr0,0,vifpos1a");
  EXPECT_EQ(vif_text(spec.value().vifs[1]), "auto,xenbr1,0");
  EXPECT_EQ(spec.value().programs, (std::vector<std::vector<std::string>>{{"/bin/program", "with", "two"}}));
  EXPECT_FALSE(spec.value().has_agent);
  EXPECT_EQ(spec.value().agent_settings.at("hook_timeout"), "2s");
}

TEST(DomainSpec, MistakesAreNamedWithTheirLine) {
  for (const std::string line : {"disk0 = xvda,qcow2", "disk0 = xvda,ext4,/x", "disk0 = xvda,raw,relative", "disk0 = xv/da,raw,/x",
                                 "disk0 = xvda,raw,/x,never", "vif0 = 00:16:3e,xenbr0", "vif0 = auto", "vif0 = auto,bridge with space",
                                 "vif0 = auto,xenbr0,driver-domain", "vif0 = auto,xenbr0,0,much-too-long-a-name", "agent = maybe", "run0 =",
                                 "disk = xvda,raw,/x", "disk99 = xvda,raw,/x", "memory = 512", "vif0"}) {
    const auto spec = parse(line + "\n");
    ASSERT_FAILS(spec, Errc::configuration) << line;
    EXPECT_EQ(spec.error().place, "pos1.cfg:2") << line;
    EXPECT_NE(spec.error().message.find("cannot "), std::string::npos);
  }
}

TEST(DomainSpec, NeedsAUuid) {
  EXPECT_FAILS(parse_domain_spec("agent = no\n", "pos1.cfg", "pos1"), Errc::configuration);
  EXPECT_FAILS(parse_domain_spec("uuid = five\n", "pos1.cfg", "pos1"), Errc::configuration);
}

TEST(DomainSpec, IsReadFromAFileThatGivesTheName) {
  const tests::TemporaryFolder folder;
  const auto spec = read_domain_spec(folder.write("pos-1.cfg", k_uuid));
  ASSERT_OK(spec);
  EXPECT_EQ(spec.value().name, "pos-1");
  EXPECT_FAILS(read_domain_spec((folder / "nothing.cfg").string()), Errc::configuration);
  EXPECT_FAILS(read_domain_spec(folder.write("bad name.cfg", k_uuid)), Errc::configuration);
}

}  // namespace
}  // namespace zynclone::sandbox
