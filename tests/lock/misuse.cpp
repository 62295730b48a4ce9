// SPDX-License-Identifier: BSL-1.0
//
// What is asked wrongly is answered with an error that says what was wrong, and changes nothing.
#include "../platform/death.hpp"
#include "asker.hpp"

#include <vector>

using namespace lock_test;

namespace {

using manager = lock_manager<posix>;
using enum lock_mode;

std::string lines_of(manager& locks) {
    std::string text;
    for (const lock_line& line : locks.held())
        text += line.path.as<std::string>() + " " + name_of(line.held) + "; ";
    return text;
}

// An owner that has something of each kind.
struct rich {
    rich() {
        owner.lock(key("k"), S).value();
        owner.lock(range("r", "s"), X).value();
        owner.lock(lock_path::table(orders), S).value();
        before = lines_of(locks);
    }
    // Whether `answer` is that error, about that, and nothing is held that was not, or the reverse.
    void check(const result<void>& answer, const std::string& code, const std::string& about = {}) {
        CHECK(said(answer) == code);
        if (!answer && !about.empty()) CHECK(answer.error().subject() == bytes_view{about});
        CHECK(lines_of(locks) == before);
        CHECK(owner.lock_count() == 5);
    }
    manager locks;
    lock_owner<manager> owner{locks, "rich"};
    std::string before;
};

}  // namespace

TEST_CASE("unlocking what is not held is not_found, and changes nothing") {
    rich one;
    one.check(one.owner.unlock(key("other")), "not_found", "key 1/other");
    one.check(one.owner.unlock(lock_path::key(orders, "k")), "not_found", "key 2/k");
    one.check(one.owner.unlock(lock_path::table(table_id{9})), "not_found", "table 9");
    one.check(one.owner.unlock(range("r", "t")), "not_found", "range 1/[r, t)");
    one.check(one.owner.unlock(range("r", "")), "not_found");
    one.check(one.owner.unlock(key("r")), "not_found");  // in the range, and not it
    lock_owner other{one.locks};
    one.check(other.unlock(key("k")), "not_found");  // somebody else's
    one.check(other.unlock(lock_path::store()), "not_found");
}

TEST_CASE("unlocking twice is not_found, also of an intent that is kept") {
    manager locks;
    lock_owner owner{locks};
    REQUIRE(owner.lock(key("k"), X));
    const lock_path up[] = {key("k"), lock_path::table(accounts), lock_path::store()};
    for (const lock_path& path : up) {
        CHECK(owner.unlock(path));
        CHECK(said(owner.unlock(path)) == "not_found");
        CHECK(owner.mode_of(path) == none);
    }
    owner.release_all();
    owner.release_all();
    check_untouched(locks);
}

TEST_CASE("what is above own locks is not unlocked before them, and both are named") {
    rich one;
    const auto table = one.owner.unlock(lock_path::table(accounts));
    one.check(table, "invalid_argument");
    CHECK((table.error().subject() == "table 1 above key 1/k" ||
           table.error().subject() == "table 1 above range 1/[r, s)"));
    one.check(one.owner.unlock(lock_path::store()), "invalid_argument");
    CHECK(one.owner.unlock(lock_path::table(orders)));
    CHECK(one.owner.unlock(key("k")));
    CHECK(said(one.owner.unlock(lock_path::table(accounts))) == "invalid_argument");
    CHECK(one.owner.unlock(range("r", "s")));
    CHECK(said(one.owner.unlock(lock_path::store())) == "invalid_argument");
    CHECK(one.owner.unlock(lock_path::table(accounts)));
    CHECK(one.owner.unlock(lock_path::store()));
    check_untouched(one.locks);
}

TEST_CASE("a table that stands for keys is not unlocked as if it stood for itself") {
    manager locks{{.escalate_at = 2}};
    lock_owner owner{locks};
    lock_owner other{locks};
    REQUIRE(owner.lock(key("a"), X));
    REQUIRE(owner.lock(key("b"), X));
    REQUIRE(owner.mode_of(lock_path::table(accounts)) == X);
    CHECK(said(owner.unlock(lock_path::table(accounts))) == "invalid_argument");
    CHECK(said(other.lock(key("a"), S, at_once)) == "timed_out");
    CHECK(owner.unlock(key("a")));
    CHECK(said(owner.unlock(key("a"))) == "not_found");
    CHECK(said(owner.unlock(key("c"))) == "not_found");
    CHECK(owner.deescalate(accounts));
    CHECK_FALSE(owner.deescalate(accounts));
    CHECK(said(other.lock(key("a"), S, at_once)) == "granted");
    CHECK(said(other.lock(key("b"), S, at_once)) == "timed_out");
}

TEST_CASE("a mode that makes no sense is invalid_argument, and changes nothing") {
    rich one;
    for (const lock_path& path :
         {lock_path::store(), lock_path::table(accounts), key("k"), key("new"), range("a", "b")})
        one.check(one.owner.lock(path, none), "invalid_argument", path.text().as<std::string>());
    for (const lock_mode mode : {IS, IX, SIX}) {
        one.check(one.owner.lock(range("a", "b"), mode), "invalid_argument", "range 1/[a, b)");
        one.check(one.owner.lock(range("r", "s"), mode), "invalid_argument");
    }
}

TEST_CASE("a number that is no mode is invalid_argument, and changes nothing") {
    const platform_test::death end = platform_test::death_of([] {
        rich one;
        for (const int number : {7, 8, 100, 255}) {
            const auto mode = static_cast<lock_mode>(number);
            for (const lock_path& path : {key("k"), lock_path::table(accounts), key("new")})
                mantis::check(said(one.owner.lock(path, mode)) == "invalid_argument",
                              "a number is taken for a mode");
        }
        mantis::check(lines_of(one.locks) == one.before, "something has changed");
    });
    CHECK(end.said == "");
    CHECK(end.signal == 0);
}

TEST_CASE("a range that ends before it begins is invalid_argument, and changes nothing") {
    rich one;
    one.check(one.owner.lock(range("d", "b"), S), "invalid_argument", "range 1/[d, b)");
    one.check(one.owner.lock(range("b", "b"), X), "invalid_argument");
    one.check(one.owner.lock(range("ba", "b"), X), "invalid_argument");
    CHECK(one.owner.lock(range("b", ""), S));  // no end
}

TEST_CASE("what is wrong is told to the callback of an asynchronous lock, once and at once") {
    manager locks;
    asker one{locks};
    CHECK(one.ask(key("k"), none) == "invalid_argument");
    CHECK(one.ask(range("a", "b"), IX) == "invalid_argument");
    CHECK(one.calls == 2);
    CHECK(one.ask(key("k"), S) == "granted");
    CHECK(said(one.owner.unlock(key("other"))) == "not_found");
}

TEST_CASE("waiting for a strong lock above own locks is refused, and takes nothing") {
    manager locks;
    lock_owner other{locks};
    REQUIRE(other.lock(key("theirs"), X));
    lock_owner owner{locks};
    REQUIRE(owner.lock(key("mine"), X));
    const std::string before = lines_of(locks);
    for (const lock_mode mode : {S, SIX, U, X}) {
        const auto table = owner.lock(lock_path::table(accounts), mode);
        REQUIRE(said(table) == "invalid_argument");
        CHECK(table.error().subject() == "table 1 above key 1/mine");
        CHECK(said(owner.lock(lock_path::store(), mode)) == "invalid_argument");
        CHECK(said(owner.lock(lock_path::table(accounts), mode, at_once)) == "timed_out");
    }
    CHECK(owner.lock_count() == 3);
    std::vector<std::string> held;
    for (const lock_line& line : locks.held()) held.push_back(line.path.as<std::string>());
    CHECK(held.size() == 6);
    CHECK(owner.mode_of(lock_path::table(accounts)) == IX);
    CHECK(before.size() == lines_of(locks).size());
}

TEST_CASE("who never held a lock does not weaken it by asking for more, nor lose its own by it") {
    manager locks;
    lock_owner reader{locks};
    lock_owner stranger{locks};
    REQUIRE(reader.lock(key("k"), S));
    CHECK(said(stranger.lock(key("k"), X, at_once)) == "timed_out");
    CHECK(stranger.mode_of(key("k")) == none);
    CHECK(said(stranger.unlock(key("k"))) == "not_found");
    CHECK(reader.mode_of(key("k")) == S);
    CHECK_FALSE(stranger.deescalate(accounts));
    CHECK(stranger.lock(key("k"), S, at_once));
    CHECK(said(stranger.lock(key("k"), X, at_once)) == "timed_out");
    CHECK(stranger.mode_of(key("k")) == S);
}
