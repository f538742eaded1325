#pragma once
// A folder for one test, removed with all that is in it.

#include <filesystem>
#include <string>
#include <string_view>

namespace zynclone::tests {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  // Both give the file's path.
  std::string write(std::string_view name, std::string_view text) const;
  std::string write_program(std::string_view name, std::string_view text) const;  // executable
  std::string read(std::string_view name) const;                                  // empty if it is not there

 private:
  std::filesystem::path path_;
};

}  // namespace zynclone::tests
