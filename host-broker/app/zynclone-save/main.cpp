// zynclone-save DOMAIN FILE: copies a running domain's memory into FILE, as `xl save` does, but the domain runs on meanwhile and stands still only for
// what it changed last; then holds it until standard input ends. Started by zynclone-broker; see saving.hpp for what it says.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "host-broker/app/zynclone-save/saving.hpp"

int main(int count, char** arguments) {
  std::uint32_t domain = 0;
  const char* end = count == 3 ? arguments[1] + std::strlen(arguments[1]) : nullptr;
  if (count != 3 || std::from_chars(arguments[1], end, domain).ptr != end || domain == 0 || arguments[2][0] != '/') {
    std::fputs("usage: zynclone-save DOMAIN-ID /ABSOLUTE/FILE\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail
  const auto saved = zynclone::broker::save_and_hold(domain, arguments[2]);
  if (saved) return 0;
  std::printf("error %s\n", saved.error().message.c_str());
  return 1;
}
