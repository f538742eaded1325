#include "host-broker/configuration/file_families.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "host-broker/configuration/family_json.hpp"
#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::configuration {
namespace {

Family example() {
  Clone clone;
  clone.name = CloneName::parse("upgrade-1").value();
  clone.uuid = Uuid::parse("22222222-2222-4222-8222-222222222222").value();
  clone.made_by = OperationId::parse("01HZX0000000000000000000AB").value();
  clone.state = protocol::CloneState::running;
  clone.mode = protocol::CloneMode::offline;
  clone.consistency = protocol::Consistency::filesystem;
  clone.created = parse_rfc3339("2026-03-02T10:00:00.123Z").value();
  clone.note = "the \"new\" till\nwith a second line, \xc3\xa4 and \\";
  clone.original_mask = VifMask{~0ull};
  clone.clone_mask = VifMask{0x8000000000000001};
  clone.clone_allowance = {protocol::VifMode::locked, {"192.0.2.1", "192.0.2.2"}, {"2001:db8::1"}};
  clone.disks = {{.device = "xvda", .source = {VolumeFormat::lvm_thin, "/dev/vg0/pos1"}, .volume = {VolumeFormat::qcow2, "/dev/vg0/copy"},
                  .snapshot_name = "copy", .size = 18'446'744'073'709'551'615u, .writable = true},
                 {.device = "xvdb", .source = {VolumeFormat::raw, "/a"}, .volume = {VolumeFormat::raw, "/b"}, .writable = false}};
  clone.vifs = {{.index = 1, .mac = "00:16:3e:00:00:01", .bridge = "br0", .backend = "znetdd", .interface = "zc1"}};
  clone.domain = DomainId{7};
  clone.expires = parse_rfc3339("2026-03-04T10:00:00.000Z").value();
  clone.is_protected = true;
  Family family;
  family.vm = VmName::parse("pos1").value();
  family.uuid = Uuid::parse("11111111-1111-4111-8111-111111111111").value();
  family.generation = Generation{4};
  family.vifs = {{.index = 0, .mac = "00:16:3e:00:00:00", .bridge = "br0"}};
  family.clones.push_back(clone);
  clone.name = CloneName::parse("upgrade-2").value();
  clone.uuid = Uuid::parse("33333333-3333-4333-8333-333333333333").value();
  clone.domain.reset();
  clone.expires.reset();
  clone.is_protected = false;
  clone.disks.clear();
  clone.vifs.clear();
  family.clones.push_back(clone);
  family.production = {.member = family.clones[0].uuid, .generation = 3, .announce = {"192.0.2.1", "2001:db8::1"}};
  family.probation = Probation{.from = family.uuid, .to = family.clones[0].uuid, .began = parse_rfc3339("2026-03-02T11:00:00.000Z").value(),
                               .ends = parse_rfc3339("2026-03-02T12:00:00.000Z").value(), .after = protocol::AfterProbation::commit,
                               .operation = OperationId::parse("01HZX0000000000000000000AC").value()};
  return family;
}

TEST(FamilyJson, WhatIsWrittenIsReadBack) {
  const Family family = example();
  const std::string text = write_family(family);
  auto read = read_family(text, "pos1.json");
  ASSERT_OK(read);
  EXPECT_EQ(write_family(read.value()), text);

  const Family& back = read.value();
  EXPECT_EQ(back.vm, family.vm);
  EXPECT_EQ(back.generation, family.generation);
  ASSERT_EQ(back.clones.size(), 2u);
  const Clone& clone = back.clones[0];
  EXPECT_EQ(clone.note, family.clones[0].note);
  EXPECT_EQ(clone.created, family.clones[0].created);
  EXPECT_EQ(clone.clone_mask.value, 0x8000000000000001u);
  EXPECT_EQ(clone.original_mask.value, ~0ull);
  EXPECT_EQ(clone.clone_allowance.ipv4.size(), 2u);
  EXPECT_EQ(clone.disks[0].size, 18'446'744'073'709'551'615u);
  EXPECT_EQ(clone.disks[0].volume.format, VolumeFormat::qcow2);
  EXPECT_FALSE(clone.disks[1].writable);
  EXPECT_EQ(clone.vifs[0].interface, "zc1");
  EXPECT_EQ(clone.domain, DomainId{7});
  EXPECT_EQ(back.clones[1].domain, std::nullopt);
  EXPECT_EQ(clone.expires, family.clones[0].expires);
  EXPECT_TRUE(clone.is_protected);
  EXPECT_EQ(back.clones[1].expires, std::nullopt);
  EXPECT_FALSE(back.clones[1].is_protected);
  EXPECT_EQ(back.production.member, clone.uuid);
  EXPECT_EQ(back.production.generation, 3u);
  EXPECT_EQ(back.production.announce, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  ASSERT_TRUE(back.probation);
  EXPECT_EQ(back.probation->from, family.uuid);
  EXPECT_EQ(back.probation->to, clone.uuid);
  EXPECT_EQ(back.probation->began, family.probation->began);
  EXPECT_EQ(back.probation->ends, family.probation->ends);
  EXPECT_EQ(back.probation->after, protocol::AfterProbation::commit);
  EXPECT_EQ(back.probation->operation, family.probation->operation);
}

// The moment of a cutover: nobody has production, which is not the same as that it was never moved.
TEST(FamilyJson, NobodyHasProduction) {
  Family family = example();
  family.production = {.member = std::nullopt, .generation = 4, .announce = {}};
  family.probation.reset();
  auto read = read_family(write_family(family), "pos1.json");
  ASSERT_OK(read);
  EXPECT_EQ(read.value().production.member, std::nullopt);
  EXPECT_EQ(read.value().production.generation, 4u);
  EXPECT_EQ(production_member(read.value()), std::nullopt);
  EXPECT_FALSE(read.value().probation);
}

TEST(FamilyJson, AFileOfTheFirstVersionIsReadWithDefaults) {
  Family family = example();
  family.production = {};
  family.probation.reset();
  family.clones.erase(family.clones.begin());
  std::string text = write_family(family);
  for (const char* name : {"production", "probation", "expires", "is_protected"}) EXPECT_EQ(text.find(name), std::string::npos) << text;
  const std::size_t at = text.find("\"version\": 2");
  ASSERT_NE(at, std::string::npos);
  text[at + 11] = '1';
  auto read = read_family(text, "pos1.json");
  ASSERT_OK(read);
  EXPECT_EQ(read.value().production.generation, 0u);
  EXPECT_EQ(production_member(read.value()), family.uuid);
  EXPECT_FALSE(read.value().probation);
  EXPECT_EQ(read.value().clones[0].expires, std::nullopt);
  EXPECT_FALSE(read.value().clones[0].is_protected);
}

TEST(FamilyJson, ReadsNicely) {
  Family family = example();
  family.clones.clear();
  family.production = {.member = family.uuid, .generation = 2, .announce = {"192.0.2.1"}};
  family.probation.reset();
  EXPECT_EQ(write_family(family),
            "{\n"
            "  \"version\": 2,\n"
            "  \"vm\": \"pos1\",\n"
            "  \"uuid\": \"11111111-1111-4111-8111-111111111111\",\n"
            "  \"generation\": 4,\n"
            "  \"vifs\": [{\n"
            "    \"index\": 0,\n"
            "    \"mac\": \"00:16:3e:00:00:00\",\n"
            "    \"bridge\": \"br0\",\n"
            "    \"backend\": \"0\",\n"
            "    \"interface\": \"\"\n"
            "  }],\n"
            "  \"clones\": [],\n"
            "  \"production\": {\n"
            "    \"member\": \"11111111-1111-4111-8111-111111111111\",\n"
            "    \"generation\": 2,\n"
            "    \"announce\": [\"192.0.2.1\"]\n"
            "  }\n"
            "}\n");
}

// The example with one piece of text exchanged.
std::string damaged(std::string_view what, std::string_view with) {
  std::string text = write_family(example());
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

TEST(FamilyJson, DamageIsAnErrorWithItsLine) {
  struct Case {
    std::string text;
    unsigned line;
    std::string says;
  };
  const std::vector<Case> cases = {
      {damaged("\"version\": 2", "\"version\": 3"), 2, "cannot use version '3': 1 to 2 is allowed"},
      {damaged("\"version\": 2,\n", ""), 1, "'version' is missing"},
      {damaged("\"pos1\"", "\"../pos1\""), 3, "VM name"},
      {damaged("\"vm\"", "\"VM\""), 1, "'vm' is missing"},
      {damaged("\"generation\": 4", "\"generation\": -4"), 5, "cannot use number '-4'"},
      {damaged("\"generation\": 4", "\"generation\": 4.5"), 5, "'4.5'"},
      {damaged("\"generation\": 4", "\"generation\": \"4\""), 5, "a number is allowed"},
      {damaged("\"running\"", "\"runing\""), 17, "did you mean 'running'?"},
      {damaged("\"lvm-thin\"", "\"lvm\""), 37, "volume format"},
      {damaged("\"writable\": true", "\"writable\": 1"), 46, "true or false is allowed"},
      {damaged("\"writable\": true", "\"writable\": true, \"extra\": 1"), 46, "'extra'"},
      {damaged("\"upgrade-2\"", "\"upgrade-1\""), 1, "stands twice"},
      {damaged("33333333-3333-4333-8333-333333333333", "22222222-2222-4222-8222-222222222222"), 1, "stands twice"},
      {damaged("\"clones\": [", "\"clones\": [1,"), 13, "an object is allowed"},
      {damaged("\"expires\": \"2026-03-04T10:00:00.000Z\"", "\"expires\": \"tomorrow\""), 69, "time"},
      {damaged("\"is_protected\": true", "\"is_protected\": \"yes\""), 70, "true or false is allowed"},
      {damaged("\"generation\": 3", "\"generation\": -3"), 97, "cannot use number '-3'"},
      {damaged("\"generation\": 3,", ""), 95, "'generation' is missing"},
      {damaged("\"announce\": [", "\"announce\": [4, "), 98, "a text is allowed"},
      {damaged("\"production\": {", "\"production\": [1], \"p\": {"), 95, "an object is allowed"},
      {damaged("\"member\": \"22222222", "\"member\": \"99999999"), 1, "cannot use production '99999999"},
      {damaged("\"to\": \"22222222", "\"to\": \"99999999"), 1, "cannot use probation.to '99999999"},
      {damaged("\"from\": \"11111111", "\"from\": \"99999999"), 1, "cannot use probation.from '99999999"},
      {damaged("\"generation\": 3", "\"generation\": 0"), 1, "never moved"},
      {damaged("\"after\": \"commit\"", "\"after\": \"comit\""), 105, "did you mean 'commit'?"},
      {damaged("\"ends\": ", "\"end\": "), 100, "'ends' is missing"},
      {damaged("01HZX0000000000000000000AC", ""), 106, "operation id"},
      {"[]", 1, "an object"},
      {"", 1, "end of the file"},
      {write_family(example()).substr(0, 200), 10, ""},
  };
  for (const Case& c : cases) {
    auto read = read_family(c.text, "pos1.json");
    ASSERT_FAILS(read, Errc::configuration) << c.says;
    EXPECT_EQ(read.error().place, "pos1.json:" + std::to_string(c.line)) << read.error().message;
    EXPECT_NE(read.error().message.find(c.says), std::string::npos) << read.error().message;
  }
}

TEST(FileFamilies, AreKept) {
  tests::TemporaryFolder folder;
  FileFamilies families(folder.path() / "clones");
  EXPECT_TRUE(families.load_all().value().empty());
  Family family = example();
  ASSERT_OK(families.save(family));
  Family other = example();
  other.vm = VmName::parse("kds").value();
  ASSERT_OK(families.save(other));
  family.generation.value = 5;
  ASSERT_OK(families.save(family));

  auto loaded = families.load_all();
  ASSERT_OK(loaded);
  ASSERT_EQ(loaded.value().size(), 2u);
  EXPECT_EQ(loaded.value()[0].vm.text(), "kds");
  EXPECT_EQ(loaded.value()[1].generation.value, 5u);
  EXPECT_EQ(families.load(family.vm).value().clones.size(), 2u);
  EXPECT_FAILS(families.load(VmName::parse("none").value()), Errc::not_found);

  struct stat status {};
  ASSERT_EQ(::stat((folder.path() / "clones/pos1.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST(FileFamilies, OneDamagedFileFailsAllAndIsNamed) {
  tests::TemporaryFolder folder;
  FileFamilies families(folder.path());
  ASSERT_OK(families.save(example()));
  ASSERT_OK(write_file_whole(folder.path() / "kds.json", "{\n\"version\": 1,\n", 0640));
  auto loaded = families.load_all();
  ASSERT_FAILS(loaded, Errc::configuration);
  EXPECT_EQ(loaded.error().place, (folder.path() / "kds.json").string() + ":3");
  EXPECT_NE(loaded.error().message.find("'kds'"), std::string::npos) << loaded.error().message;
}

TEST(FileFamilies, AFileUnderAnotherNameIsRefused) {
  tests::TemporaryFolder folder;
  FileFamilies families(folder.path());
  ASSERT_OK(write_file_whole(folder.path() / "kds.json", write_family(example()), 0640));
  EXPECT_FAILS(families.load_all(), Errc::configuration);
}

TEST(FileFamilies, OtherFilesDoNotCount) {
  tests::TemporaryFolder folder;
  FileFamilies families(folder.path());
  ASSERT_OK(families.save(example()));
  for (const char* name : {"README", ".pos1.json.abcdef", "pos1.json~", "pos1.cfg"}) std::ofstream(folder.path() / name) << "x";
  EXPECT_EQ(families.load_all().value().size(), 1u);
}

TEST(FileFamilies, WhatCouldNotBeReadAgainIsNotWritten) {
  tests::TemporaryFolder folder;
  FileFamilies families(folder.path());
  ASSERT_OK(families.save(example()));
  Family family = example();
  family.clones[1].name = family.clones[0].name;
  EXPECT_FAILS(families.save(family), Errc::configuration);
  EXPECT_FAILS(families.save(Family{}), Errc::internal);
  EXPECT_EQ(families.load_all().value().front().clones[1].name.text(), "upgrade-2");
}

}  // namespace
}  // namespace zynclone::broker::configuration
