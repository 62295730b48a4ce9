// SPDX-License-Identifier: BSL-1.0
// Databases as earlier versions wrote them: each must open and hold what it held, and its damaged
// twin must be refused.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/store/store.hpp>

#include <cstdlib>
#include <string>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};

// The files of a fixture in a directory in memory, so that no test changes them.
memory copied(const char* name) {
    const char* const fixtures = std::getenv("MANTIS_FIXTURES");
    REQUIRE_MESSAGE(fixtures != nullptr, "MANTIS_FIXTURES names the folder tests/fixtures");
    memory files;
    auto from = posix{}
                    .open_directory(std::string{fixtures} + "/" + name, directory_mode::existing)
                    .value();
    auto to = files.open_directory("db", directory_mode::create).value();
    for (const bytes& file : from.list().value())
        to.open(file, file_mode::create)
            .value()
            .write(0, read_file(from, file, 64 * MiB).value())
            .value();
    return files;
}

}  // namespace

TEST_CASE("a database of format 1 opens and holds what it held") {
    auto db = store<in_memory>::open("db", {}, copied("store-v1")).value();
    const auto accounts = db.find_table("accounts");
    const auto events = db.find_table("events");
    REQUIRE(accounts);
    REQUIRE(events);
    CHECK_FALSE(db.find_table("gone"));
    CHECK(db.get(*accounts, "alice").value()->view() == bytes_view{"90"});
    CHECK_FALSE(db.get(*accounts, "bob").value());
    CHECK(db.get(*events, "2026-01-01/1").value()->view() == bytes_view{"alice -10"});
    CHECK(db.get(*events, "2026-01-01/2").value()->view() == bytes_view{std::string(3000, 'x')});
    CHECK(db.recovery().transactions_kept == 6);
    CHECK(db.recovery().cut_bytes == 0);
}

TEST_CASE(
    "a database of format 1 with any record byte flipped is refused, with file, offset and lsn") {
    const memory whole = copied("store-v1");
    auto whole_directory = memory{whole}.open_directory("db", directory_mode::existing).value();
    for (const bytes& name : whole_directory.list().value()) {
        const std::uint64_t size = read_file(whole_directory, name, 64 * MiB).value().size();
        for (std::uint64_t offset = 3; offset < size; offset += 97) {
            memory files = copied("store-v1");
            auto directory = files.open_directory("db", directory_mode::existing).value();
            auto file = directory.open(name, file_mode::write).value();
            std::byte one{};
            REQUIRE(file.read(offset, &one, 1).value() == 1);
            if (one == std::byte{0}) continue;  // padding is not data
            one ^= std::byte{4};
            file.write(offset, {&one, 1}).value();
            const auto refused = store<in_memory>::open("db", {}, files);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == error_code::corrupt);
            if (name == bytes_view{superblock_name}) continue;
            CHECK(refused.error().subject() == name.view());
            CHECK(refused.error().number("lsn"));
        }
    }
}
