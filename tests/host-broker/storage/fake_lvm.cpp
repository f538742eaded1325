#include "tests/host-broker/storage/fake_lvm.hpp"

#include <cstdlib>
#include <sstream>

namespace zynclone::tests {
namespace {

// One program for all tools; $0 says which. Its arguments' last is the volume, or the group of lvs.
constexpr std::string_view k_program = R"sh(#!/bin/sh
here=$(dirname "$0")/..
tool=$(basename "$0")
echo "$tool $*" >>"$here/calls"
[ -e "$here/hang.$tool" ] && exec sleep 1000
[ -e "$here/fail.$tool" ] && { cat "$here/fail.$tool" >&2; exit 5; }
[ -e "$here/answer.$tool" ] && { cat "$here/answer.$tool"; exit 0; }
for last; do :; done
name=${last#*/}
field() { sed -n "s/^$1=//p" "$here/volumes/$name"; }
case $tool in
lvs)
  [ "$last" = vg0 ] || { echo "  Volume group \"$last\" not found" >&2; exit 5; }
  separator=
  echo '  {"report": [{"lv": ['
  for file in "$here"/volumes/*; do
    name=$(basename "$file")
    printf '%s{"lv_name":"%s", "lv_size":"%s", "lv_active":"%s", "lv_layout":"%s", "pool_lv":"%s", "origin":"%s", "lv_tags":"%s", "lv_metadata_size":"%s", "data_percent":"%s", "metadata_percent":"%s"}\n' \
      "$separator" "$name" "$(field size)" "$(field active)" "$(field layout)" "$(field pool)" "$(field origin)" "$(field tags)" \
      "$(field metadata_size)" "$(field data_percent)" "$(field metadata_percent)"
    separator=,
  done
  echo ']}]}'
  ;;
lvcreate)
  origin=$name
  while [ $# -gt 0 ]; do
    case $1 in --name) copy=$2 ;; --addtag) tag=$2 ;; esac
    shift
  done
  [ -e "$here/volumes/$origin" ] || exit 5
  [ -e "$here/volumes/$copy" ] && { echo "  Logical Volume \"$copy\" already exists" >&2; exit 5; }
  sed "s/^origin=.*/origin=$origin/; s/^tags=.*/tags=$tag/" "$here/volumes/$origin" >"$here/volumes/$copy"
  ;;
lvchange) sed -i 's/^active=.*/active=active/' "$here/volumes/$name" ;;
lvremove) rm "$here/volumes/$name" || exit 5 ;;
esac
[ -e "$here/fail_after.$tool" ] && { cat "$here/fail_after.$tool" >&2; exit 5; }
exit 0
)sh";

}  // namespace

FakeLvm::FakeLvm() {
  for (const char* tool : {"lvs", "lvcreate", "lvchange", "lvremove"}) folder_.write_program(std::string("bin/") + tool, k_program);
  path_before_ = std::getenv("PATH");
  ::setenv("PATH", ((folder_ / "bin").string() + ":" + path_before_).c_str(), 1);
  put_pool("12.50", "3.25");
  put("root", {});
  put("thick", {.layout = "linear", .pool = "", .data_percent = ""});
}

FakeLvm::~FakeLvm() { ::setenv("PATH", path_before_.c_str(), 1); }

void FakeLvm::put(const std::string& name, const Volume& volume) {
  folder_.write("volumes/" + name, "size=" + volume.size + "\nactive=" + volume.active + "\nlayout=" + volume.layout + "\npool=" +
                                       volume.pool + "\norigin=" + volume.origin + "\ntags=" + volume.tags + "\nmetadata_size=" +
                                       volume.metadata_size + "\ndata_percent=" + volume.data_percent + "\nmetadata_percent=" +
                                       volume.metadata_percent + "\n");
}

void FakeLvm::put_pool(const std::string& data_percent, const std::string& metadata_percent) {
  put("pool", {.size = "10737418240", .layout = "thin,pool", .pool = "", .metadata_size = "67108864", .data_percent = data_percent,
               .metadata_percent = metadata_percent});
}

bool FakeLvm::has(const std::string& name) const { return std::filesystem::exists(folder_ / ("volumes/" + name)); }

void FakeLvm::fail(const std::string& tool, const std::string& message) { folder_.write("fail." + tool, message + "\n"); }
void FakeLvm::fail_after(const std::string& tool, const std::string& message) { folder_.write("fail_after." + tool, message + "\n"); }
void FakeLvm::hang(const std::string& tool) { folder_.write("hang." + tool, ""); }
void FakeLvm::answer(const std::string& tool, const std::string& text) { folder_.write("answer." + tool, text); }

std::vector<std::string> FakeLvm::calls() const {
  std::istringstream text(folder_.read("calls"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace zynclone::tests
