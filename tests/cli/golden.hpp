#pragma once
// Compares a text with a file in tests/<folder>/golden. With ZYNCLONE_UPDATE_GOLDEN in the environment it is written instead.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace zynclone::tests {

// Escape sequences as text, so that a golden file of a terminal can be read: "\e[2A".
inline std::string visible(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\x1b\r", at)) != std::string::npos; at += 2) {
    text.replace(at, 1, text[at] == '\r' ? "\\r" : "\\e");
  }
  return text;
}

inline void expect_golden(const std::string& folder, const std::string& name, const std::string& text) {
  const std::string path = std::string(TEST_SOURCE_DIR) + "/tests/" + folder + "/golden/" + name;
  if (std::getenv("ZYNCLONE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, expected.str()) << "differs from " << path;
}

}  // namespace zynclone::tests
