// SPDX-License-Identifier: BSL-1.0
//
// A table that cannot take what the log has, at each position of a script of transactions, in the
// simulator: what the commit answers, what is read before and after, what the next opening finds.
#include "failing_index.hpp"

#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace mantis;
using index_test::index_call;
using index_test::index_fault;
using index_test::index_plan;

namespace {

struct app : policies<with::platform<simulated>, with::indexes<index_test::failing_index>> {};
using store_type = store<app>;
using handle = store_type::table_handle;

constexpr const char* table_names[] = {"a", "b", "c"};
constexpr int kept_back = 3;  // a transaction erases what the one so many before put

std::string hot(int writer) { return "hot-" + std::to_string(writer); }
std::string own(int writer, int number) {
    return "own-" + std::to_string(writer) + "-" + std::to_string(number);
}

struct events_told {
    std::vector<event_code> codes;
    std::uint64_t code = 0;
    std::string subject;

    static void tell(void* self, const event& what) {
        auto& told = *static_cast<events_told*>(self);
        told.codes.push_back(what.code());
        const std::uint64_t* const code = what.number("code");
        if (what.code() != event_code::read_only || code == nullptr) return;  // the log's
        told.code = *code;
        told.subject = what.subject().as<std::string>();
    }
    [[nodiscard]] auto times(event_code code_) const {
        return std::count(codes.begin(), codes.end(), code_);
    }
};

struct counts {
    int struck = 0;
    int there = 0;  // after the next opening
    int gone = 0;
    int unknown_reads = 0;
    int old_reads = 0;
    int scanned = 0;
};

enum class ending { close, process, power };

struct settings {
    index_fault fault;
    int writers = 1;
    ending end = ending::close;
    durability_class how = durability_class::synchronous;
    std::uint64_t seed = 1;
    bool checkpoints = false;
};

// Writer w's transaction number n puts "hot-w" = n and "own-w-n" in each of three tables, and
// erases "own-w-(n-3)": so one number for each writer says what all tables hold.
class script {
public:
    script(const settings& chosen, counts& seen)
        : world_{chosen.seed, {.scheduling = drawn_schedule(chosen.seed)}},
          chosen_{chosen},
          seen_{seen},
          acknowledged_(static_cast<std::size_t>(chosen.writers)),
          asked_(static_cast<std::size_t>(chosen.writers)),
          unknown_(static_cast<std::size_t>(chosen.writers)) {
        options_.segment_bytes = 16 * KiB;
        options_.checkpoint_at_close = chosen.checkpoints;
        options_.events = {&events_told::tell, &told_};
    }

    //   Returns     whether the fault struck
    bool run() {
        bool struck = false;
        world_.run([&] {
            index_plan::disarm();
            {
                auto db = store_type::open("db", options_, world_.platform()).value();
                prepare(db);
                // Others run while one commit is half applied.
                chosen_.fault.before = [](void* self) {
                    static_cast<script*>(self)->world_.platform().sleep(milliseconds(1));
                };
                chosen_.fault.context = this;
                index_plan::arm(chosen_.fault);
                write(db);
                struck = index_plan::struck() > 0;
                if (struck) check_torn(db);
                index_plan::disarm();
                if (chosen_.end == ending::close) CHECK(db.close());
                else world_.crash();
            }
            if (chosen_.end != ending::close)
                world_.restart(chosen_.end == ending::process ? crash_mode::process_only
                                                              : crash_mode::drop_unsynced);
            check_reopened(struck);
        });
        seen_.struck += struck ? 1 : 0;
        return struck;
    }

private:
    void prepare(store_type& db) {
        auto tx = db.begin();
        for (const char* const name : table_names) {
            tables_.push_back(db.table(name).value());
            for (int writer = 0; writer < chosen_.writers; ++writer)
                tx.put(tables_.back(), hot(writer), "0");
            tx.put(tables_.back(), "earlier", "1");
        }
        still_.emplace(db.table("still").value());
        tx.put(*still_, "still", "there");
        REQUIRE(tx.commit());
    }

    void write(store_type& db) {
        std::vector<simulated::thread> threads;
        for (int writer = 0; writer < chosen_.writers; ++writer)
            threads.emplace_back([this, &db, writer] { write_some(db, writer); });
        threads.emplace_back([this, &db] { read_some(db); });
        if (chosen_.checkpoints)
            threads.emplace_back([&db] {
                for (int i = 0; i < 3; ++i) (void)db.checkpoint();
            });
        for (auto& thread : threads) thread.join();
    }

    void write_some(store_type& db, int writer) {
        const auto at = static_cast<std::size_t>(writer);
        for (int number = 1; number <= 6; ++number) {
            auto tx = db.begin();
            for (const handle& table : tables_) {
                tx.put(table, hot(writer), std::to_string(number));
                tx.put(table, own(writer, number), "v");
                if (number > kept_back) tx.erase(table, own(writer, number - kept_back));
            }
            asked_[at] = number;
            const auto done = tx.commit(chosen_.how);
            if (done) {
                if (chosen_.writers == 1) CHECK_FALSE(torn_);  // else its sync may end later
                acknowledged_[at] = number;
                continue;
            }
            if (done.error().code() == error_code::unknown_outcome) {
                CHECK_FALSE(torn_);
                torn_ = true;
                unknown_[at] = number;
                CHECK(*done.error().number("code") ==
                      static_cast<std::uint64_t>(chosen_.fault.code));
                CHECK(*done.error().number("errno") == 5);
                CHECK(done.error().subject().size() == 1);  // the table
            } else {
                CHECK(done.error().code() == error_code::read_only);
                CHECK(index_plan::struck() > 0);
            }
            return;
        }
    }

    // Once a transaction is told of, all of it is; and what is read together fits together.
    void read_some(store_type& db) {
        for (int round = 0; round < 12; ++round) {
            const int writer = round % chosen_.writers;
            std::string before;
            for (const handle& table : tables_) {
                const auto one = db.get(table, hot(writer));
                if (!one) {
                    CHECK(one.error().code() == error_code::unknown_outcome);
                    break;
                }
                const auto value = (*one)->as<std::string>();
                CHECK(value >= before);
                before = value;
            }
            read_together(db, writer, round % 2 == 0);
        }
    }
    void read_together(store_type& db, int writer, bool scanning) {
        auto tx = db.begin();
        std::vector<std::string> values;
        for (const handle& table : tables_) {
            if (scanning) {
                auto rows = tx.scan(table, {"hot-", "hot."});
                auto more = rows.next();
                for (; more && *more; more = rows.next())
                    if (rows.key() == bytes_view{hot(writer)})
                        values.push_back(rows.value().as<std::string>());
                if (!more) return;
            } else {
                const auto one = tx.get(table, hot(writer));
                if (!one) return;
                values.push_back((*one)->as<std::string>());
            }
        }
        if (!tx.commit()) return;
        REQUIRE(values.size() == tables_.size());
        for (const std::string& each : values) CHECK(each == values.front());
    }

    // A part of one commit is in memory, and nobody is told.
    void check_torn(store_type& db) {
        CHECK(torn_);
        CHECK(told_.times(event_code::read_only) == 1);
        CHECK(told_.code == static_cast<std::uint64_t>(chosen_.fault.code));
        CHECK(told_.subject.size() == 1);
        for (int writer = 0; writer < chosen_.writers; ++writer)
            for (const handle& table : tables_) check_old(db, table, writer);
        check_refused(db);
        CHECK(db.get(*still_, "still").value()->as<std::string>() == "there");
        for (const handle& table : tables_) {
            // A serializable reader of what the commit did not touch is not sent round for ever.
            auto tx = db.begin();
            auto rows = tx.scan(table, {"e", "f"});
            const auto first = rows.next();
            if (!first) {  // what is not there tells of an erasure
                CHECK(first.error().code() == error_code::unknown_outcome);
                continue;
            }
            CHECK(*first);
            CHECK(rows.key() == "earlier");
            CHECK_FALSE(rows.next().value());
            CHECK(tx.commit());
            ++seen_.scanned;
        }
    }
    void check_old(store_type& db, const handle& table, int writer) {
        const auto acknowledged = std::to_string(acknowledged_[static_cast<std::size_t>(writer)]);
        const auto value = db.get(table, hot(writer));
        if (value) {
            ++seen_.old_reads;
            CHECK((*value)->as<std::string>() == acknowledged);
        } else {
            ++seen_.unknown_reads;
            CHECK(value.error().code() == error_code::unknown_outcome);
            CHECK(unknown_[static_cast<std::size_t>(writer)]);
        }
        if (!unknown_[static_cast<std::size_t>(writer)]) return;
        const auto row = db.get(table, own(writer, *unknown_[static_cast<std::size_t>(writer)]));
        if (row) CHECK_FALSE(*row);
    }
    void check_refused(store_type& db) {
        auto tx = db.begin(isolation::read_committed);
        tx.put(*still_, "more", "1");
        const auto refused = tx.commit();
        CHECK(refused.error().code() == error_code::read_only);
        CHECK(refused.error().subject().size() == 1);
        CHECK(*refused.error().number("errno") == 5);
        CHECK(db.table("new").error().code() == error_code::read_only);
        CHECK(db.drop_table(*still_).error().code() == error_code::read_only);
        CHECK(db.checkpoint().error().code() == error_code::read_only);
        CHECK(db.verify().error().code() == error_code::read_only);
        CHECK(db.begin().commit());
    }

    void check_reopened(bool struck) {
        options_.events = {};
        auto db = store_type::open("db", options_, world_.platform()).value();
        CHECK(db.verify());
        for (int writer = 0; writer < chosen_.writers; ++writer) check_writer(db, writer);
        if (struck) {
            auto tx = db.begin();
            tx.put(db.table("a").value(), "after", "1");
            CHECK(tx.commit());
        }
    }
    void check_writer(store_type& db, int writer) {
        const auto at = static_cast<std::size_t>(writer);
        std::optional<int> number;
        for (const char* const name : table_names) {
            const handle table = db.find_table(name).value();
            const int here = std::stoi(db.get(table, hot(writer)).value()->as<std::string>());
            if (number) CHECK(here == *number);
            number = here;
            for (int each = 1; each <= asked_[at]; ++each)
                CHECK(db.get(table, own(writer, each)).value().has_value() ==
                      (each <= here && each > here - kept_back));
        }
        const bool may_be_lost =
            chosen_.how == durability_class::buffered && chosen_.end == ending::power;
        if (!may_be_lost) CHECK(*number >= acknowledged_[at]);
        CHECK(*number <= (unknown_[at] ? *unknown_[at] : acknowledged_[at]));
        if (!unknown_[at]) return;
        ++(*number == *unknown_[at] ? seen_.there : seen_.gone);
        if (chosen_.end == ending::close) CHECK(*number == *unknown_[at]);
    }

    simulation world_;
    settings chosen_;
    counts& seen_;
    store_options options_;
    events_told told_;
    std::vector<handle> tables_;
    std::optional<handle> still_;
    std::vector<int> acknowledged_;  // the last, of each writer
    std::vector<int> asked_;
    std::vector<std::optional<int>> unknown_;
    bool torn_ = false;
};

}  // namespace

TEST_CASE("a commit that a table cannot take, at each position: unknown, never half of it seen") {
    counts seen;
    for (const ending end : {ending::close, ending::process, ending::power})
        for (const index_call call : {index_call::put, index_call::erase})
            for (int kind = 0; kind < 4; ++kind)
                for (std::int64_t nth = 1; nth < 100; ++nth) {
                    settings chosen{{call, nth, kind % 2 == 1, kind / 2 == 1}};
                    chosen.end = end;
                    chosen.how =
                        nth % 3 == 0 ? durability_class::buffered : durability_class::synchronous;
                    chosen.seed = static_cast<std::uint64_t>(nth);
                    CAPTURE(static_cast<int>(end));
                    CAPTURE(static_cast<int>(call));
                    CAPTURE(kind);
                    CAPTURE(nth);
                    if (!script{chosen, seen}.run()) break;
                }
    CHECK(seen.struck == 3 * 4 * (36 + 9));
    CHECK(seen.there > 0);
    CHECK(seen.gone > 0);
    CHECK(seen.unknown_reads > 0);
    CHECK(seen.old_reads > 0);
    CHECK(seen.scanned > 0);
}

TEST_CASE("writers, readers and checkpoints beside a commit that a table cannot take") {
    counts seen;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        settings chosen;
        chosen.fault = {seed % 4 == 0 ? index_call::erase : index_call::put,
                        static_cast<std::int64_t>(1 + seed * 7 % 40), seed % 5 == 0, seed % 3 == 0,
                        seed % 2 == 0 ? error_code::io : error_code::no_space};
        chosen.writers = 3;
        chosen.checkpoints = true;
        chosen.end = static_cast<ending>(seed % 3);
        chosen.seed = seed;
        CAPTURE(seed);
        (void)script{chosen, seen}.run();
    }
    CHECK(seen.struck > 100);
    CHECK(seen.there > 0);
    CHECK(seen.unknown_reads > 0);
    CHECK(seen.old_reads > 0);
    CHECK(seen.scanned > 0);
}
