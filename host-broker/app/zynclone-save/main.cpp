// zynclone-save DOMAIN FILE [RESERVE]: copies a running domain's memory into FILE, as `xl save` does, but the domain runs on meanwhile and stands still
// only for what it changed last; then holds it until standard input ends. Gives up before less than RESERVE bytes are free. Started by zynclone-broker;
// see saving.hpp for what it says.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "host-broker/app/zynclone-save/saving.hpp"

namespace {

template <class Number>
bool read_number(const char* text, Number& number) {
  const char* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, number);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint32_t domain = 0;
  std::uint64_t reserve = 0;
  const bool is_understood = (count == 3 || count == 4) && read_number(arguments[1], domain) && domain != 0 && arguments[2][0] == '/' &&
                             (count == 3 || read_number(arguments[3], reserve));
  if (!is_understood) {
    std::fputs("usage: zynclone-save DOMAIN-ID /ABSOLUTE/FILE [BYTES-THAT-STAY-FREE]\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail
  const auto saved = zynclone::broker::save_and_hold(domain, arguments[2], reserve);
  if (saved) return 0;
  const bool is_full = saved.error().code == zynclone::Errc::no_space;
  std::printf("%s %s\n", is_full ? "no-space" : "error", saved.error().message.c_str());
  return 1;
}
