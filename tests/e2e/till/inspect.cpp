// The inspector: is every sale that was answered on the volume, exactly once and in order; did ever two answer at a time, or have the volume?
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/e2e/till/till.hpp"

namespace zynclone::till {
namespace {

struct Answer {
  std::uint64_t time = 0;
  Sale sale;
};

std::vector<Answer> read_answers(const std::string& path) {
  std::vector<Answer> answers;
  std::ifstream file(path);
  Answer answer;
  while (file >> answer.time >> answer.sale.number >> answer.sale.nonce >> answer.sale.member) answers.push_back(answer);
  return answers;
}

// Errors: internal where the numbers do not stand there in order, each once.
Result<std::vector<Sale>> read_sales(const std::string& path) {
  std::vector<Sale> sales;
  std::ifstream file(path, std::ios::binary);
  std::string record(k_record, '\0');
  while (file.read(record.data(), static_cast<std::streamsize>(k_record))) {
    const auto sale = parse_record(record);
    if (!sale) break;
    if (sale->number != sales.size() + 1) {
      return fail(Errc::internal, "sale " + std::to_string(sale->number) + " stands at place " + std::to_string(sales.size() + 1));
    }
    sales.push_back(*sale);
  }
  return sales;
}

Result<void> check_sales(const std::vector<Sale>& sales, const std::vector<Answer>& answers) {
  std::set<std::uint64_t> nonces;
  for (const Sale& sale : sales) {
    if (!nonces.insert(sale.nonce).second) return fail(Errc::internal, "what customer " + std::to_string(sale.nonce) + " bought stands there twice");
  }
  for (const Answer& answer : answers) {
    const std::uint64_t number = answer.sale.number;
    const bool is_there = number >= 1 && number <= sales.size() && sales[number - 1].nonce == answer.sale.nonce && sales[number - 1].member == answer.sale.member;
    if (!is_there) return fail(Errc::internal, "sale " + std::to_string(number) + ", which was answered, is not there");
  }
  return outcome::success();
}

Result<void> report_answers(const std::vector<Answer>& answers) {
  std::uint64_t longest = 0;
  std::string moves;
  for (std::size_t i = 1; i < answers.size(); ++i) {
    const std::uint64_t gap = answers[i].time - answers[i - 1].time;
    longest = std::max(longest, gap);
    if (answers[i].sale.nonce == answers[i - 1].sale.nonce) return fail(Errc::internal, "two answered customer " + std::to_string(answers[i].sale.nonce));
    if (answers[i].sale.member != answers[i - 1].sale.member) {
      moves += "gap between domain " + answers[i - 1].sale.member + " and domain " + answers[i].sale.member + ": " + std::to_string(gap) + " ms\n";
    }
  }
  std::printf("%zu sales answered, longest gap %llu ms\n%s", answers.size(), static_cast<unsigned long long>(longest), moves.c_str());
  return outcome::success();
}

// Of a watcher: "<ms> <domain> …", a line each time that something changed. Where it watched, and what never two were to have or to do.
Result<void> check_log(const std::string& path, const std::string& where, const std::string& what) {
  std::ifstream file(path);
  std::size_t changes = 0;
  for (std::string line; std::getline(file, line); ++changes) {
    std::istringstream words(line);
    std::vector<std::string> domains;
    std::uint64_t time = 0;
    words >> time;
    for (std::string domain; words >> domain;) domains.push_back(domain);
    if (domains.size() > 1) return fail(Errc::internal, "at " + std::to_string(time) + " ms domains " + domains[0] + " and " + domains[1] + ' ' + what);
  }
  if (changes == 0) return fail(Errc::internal, "the watcher on the " + where + " noted nothing");
  std::printf("%zu states of the %s, never two domains\n", changes, where.c_str());
  return outcome::success();
}

}  // namespace

Result<void> inspect(const Options& options) {
  TRY(const std::string file, option(options, "file"));
  TRY(const std::string log, option(options, "log"));
  const auto answers = read_answers(log);
  if (answers.empty()) return fail(Errc::internal, "nothing was sold");
  TRY(const auto sales, read_sales(file));
  TRY(check_sales(sales, answers));
  std::printf("%zu sales on the volume, each once and in order\n", sales.size());
  TRY(report_answers(answers));
  if (const auto volume_log = options.find("volume-log"); volume_log != options.end()) {
    TRY(check_log(volume_log->second, "volume's backend", "had the volume"));
  }
  if (const auto bridge_log = options.find("bridge-log"); bridge_log != options.end()) {
    TRY(check_log(bridge_log->second, "bridge", "could be heard at the till's address"));
  }
  return outcome::success();
}

}  // namespace zynclone::till
