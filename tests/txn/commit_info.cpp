// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

template <class Durability>
struct with_durability : policies<with::platform<memory>, with::durability<Durability>> {};

template <class Durability>
commit_info commit_one() {
    auto db = store<with_durability<Durability>>::open("db").value();
    auto tx = db.begin();
    tx.put(db.table("t").value(), "k", "v");
    return tx.commit().value();
}

}  // namespace

TEST_CASE("a commit says as what it was committed") {
    CHECK(commit_one<group_commit>().state == commit_state::durable);
    CHECK(commit_one<buffered>().state == commit_state::buffered);
    CHECK(std::string{name_of(commit_state::durable)} == "durable");
    CHECK(std::string{name_of(commit_state::buffered)} == "buffered");
}

TEST_CASE("a transaction that wrote nothing has no id, and takes no place in the log") {
    auto db = store<with_durability<group_commit>>::open("db").value();
    const auto before = db.stats().log_bytes;
    auto tx = db.begin();
    CHECK(tx.commit().value().id == transaction_id{});
    CHECK(db.stats().log_bytes == before);
}
