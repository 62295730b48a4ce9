// SPDX-License-Identifier: BSL-1.0
//
// A store in which transactions write markers to two tables and their number to shared keys, which
// others read before they write. In the component "pages" the first table is in pages, with memory
// for a few of them, and the second is not.
#include "crashing.hpp"

#include <mantis/platform/simulated/model_map.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

namespace simulate {

namespace {

template <class Durability, class Left>
struct app : policies<with::platform<simulated>, with::durability<Durability>,
                      with::indexes<Left, btree<>>> {};
template <class Durability>
struct app<Durability, btree<>>
    : policies<with::platform<simulated>, with::durability<Durability>> {};

template <class Durability, class Left>
class store_life {
public:
    store_life(const plan& of, outcome& to) : life_{of, to} {
        options_.segment_bytes = of.segment_bytes;
        options_.memory_bytes = of.memory_bytes;
        // Half of the full disks are met by the disk's own refusal.
        if (of.fault_class == "full-disk" && of.seed % 2 == 0) options_.space_hard_bytes = 0;
        options_.sync_period = microseconds(of.sync_period_us);
        options_.checkpoint_log_bytes = of.checkpoint_log_bytes;
        options_.checkpoint_at_close = of.checkpoint_log_bytes > 64 * KiB;
        options_.page_memory_bytes = 96 * KiB;
        options_.page_segment_bytes = 64 * KiB;
    }
    void live() { life_.live_through(*this); }

    void work(const round& now) {
        auto opened = store_type::open("db", options_, life_.world().platform());
        if (!opened) return life_.refused(opened.error());
        if (!compare(*opened)) return;
        auto left = opened->template table<Left>("left");
        auto right = opened->template table<btree<>>("right");
        if (!left) return life_.failed(left.error());
        if (!right) return life_.failed(right.error());
        std::vector<simulated::thread> threads;
        for (const auto& operations : now.threads)
            threads.emplace_back([this, &opened, &left, &right, &operations] {
                for (const std::uint32_t each : operations) {
                    if (!life_.world().powered()) return;
                    operate(*opened, *left, *right, dice{each});
                }
            });
        for (auto& thread : threads) thread.join();
        if (const auto segments = opened->stats().log.segments; segments > 1)
            life_.out().reach("several segments", segments - 1);
        if (!now.closes) return life_.world().crash();
        const auto flushed = ledger_.buffered();
        if (opened->close()) ledger_.flushed(flushed);
    }

    void judge() {
        auto opened = store_type::open("db", options_, life_.world().platform());
        if (!opened) return life_.refused(opened.error());
        if (!compare(*opened)) return life_.unreadable(*unread_);
        if (auto sound = opened->verify(); !sound) life_.unreadable(sound.error());
    }

private:
    using store_type = store<app<Durability, Left>>;
    using handle = typename store_type::table_handle;

    void operate(store_type& db, const handle& left, const handle& right, dice roll) {
        switch (roll(12)) {
            case 0: return flush(db);
            case 1: return make_and_drop(db, roll);
            case 2: return churn(db, left, roll);
            case 3: return life_.world().platform().sleep(microseconds(roll_time(roll)));
            case 4:
                if (options_.checkpoint_log_bytes != 0) return checkpoint(db);
                return commit(db, left, right, roll);
            default: return commit(db, left, right, roll);
        }
    }

    static std::int64_t roll_time(dice roll) {
        return static_cast<std::int64_t>(roll(2) == 0 ? roll(2000) : roll(200'000));
    }
    void flush(store_type& db) {
        const auto flushed = ledger_.buffered();
        if (db.flush()) ledger_.flushed(flushed);
    }

    void checkpoint(store_type& db) {
        if (const auto made = db.checkpoint()) {
            life_.out().reach(made->log_needed > made->redo_from ? "checkpoint during commits"
                                                                 : "checkpoint");
        } else {
            life_.out().reach("checkpoint failed");
        }
    }

    void commit(store_type& db, const handle& left, const handle& right, dice roll) {
        auto tx = db.begin(roll(2) == 0 ? isolation::serializable : isolation::read_committed);
        durability_ledger::writes wrote{2, {}, {}};
        for (std::uint64_t left_over = roll(3); left_over > 0; --left_over) {
            const std::string key = "shared/" + std::to_string(roll(5));
            const auto before = tx.get(left, key);
            if (!before) return;
            if (*before) {
                const std::size_t writer = std::stoul((*before)->template as<std::string>());
                if constexpr (Durability::waits_for_sync) ledger_.answered(writer);
                wrote.read.push_back(writer);
            }
            wrote.shared_keys.push_back(bytes{key});
        }
        const std::vector<bytes> shared = wrote.shared_keys;
        const std::size_t number = ledger_.issue(std::move(wrote));
        const std::string marker = "tx/" + std::to_string(number);
        // Some values need a segment, and some a record, of their own.
        const std::string value = value_of(number, roll(roll(6) == 0 ? 60'000 : 2000));
        rows_.put(marker, value);
        tx.put(left, marker, value);
        tx.put(right, marker, "");
        if (roll(100) == 0) tx.put(left, "large", std::string(1'100'000, 'l'));
        for (const bytes& key : shared) tx.put(left, key, std::to_string(number));
        answer(number, tx.commit());
    }
    void answer(std::size_t number, const result<commit_info>& done) {
        if (done) {
            const bool durable = done->state == commit_state::durable;
            ledger_.acknowledged(number, durable ? promise::durable : promise::buffered,
                                 done->position, life_.world().now());
            return;
        }
        life_.failed(done.error());
        const error_code code = done.error().code();
        if (code == error_code::unknown_outcome) return life_.out().reach("unknown outcome");
        ledger_.refused(number);
        life_.out().reach(code == error_code::conflict ? "conflict" : "refused commit");
    }

    // A table that comes and goes: nothing of it is promised but that it breaks nothing.
    void make_and_drop(store_type& db, dice roll) {
        const std::string name = "passing/" + std::to_string(roll(3));
        auto made = db.template table<Left>(name);
        if (!made) return;
        auto tx = db.begin();
        tx.put(*made, "key", "value");
        (void)tx.commit();
        if (roll(2) == 0 && db.drop_table(*made)) life_.out().reach("table dropped");
    }
    void churn(store_type& db, const handle& into, dice roll) {
        auto tx = db.begin(isolation::read_committed);
        for (int i = 0; i < 5; ++i) {
            const std::string key = "churn/" + std::to_string(roll(20));
            if (roll(2) == 0) tx.erase(into, key);
            else tx.put(into, key, std::string(roll(300), 'c'));
        }
        (void)tx.commit();
    }

    //   Returns     false if I/O failed while reading: unread_ says how
    bool compare(store_type& db) {
        if (db.recovery().image.redo_from != lsn{}) life_.out().reach("image loaded");
        if (db.recovery().image.damage) life_.out().reach("image made up for");
        if (db.recovery().cut_bytes > 0) life_.out().reach("torn tail");
        if (db.recovery().transactions_dropped > 0) life_.out().reach("transaction dropped");
        ledger_.look_again();
        if (!look(db, "left") || !look(db, "right")) return false;
        // A sync may just have begun when a commit is acknowledged; the next one has it.
        const nanoseconds sync = life_.world().longest_sync();
        const nanoseconds window = options_.sync_period + sync + sync;
        life_.settle(ledger_, Durability::syncs_periodically ? window : nanoseconds{});
        return true;
    }
    bool look(store_type& db, const char* name) {
        const auto table = db.find_table(name);
        if (!table) return true;
        auto tx = db.begin(isolation::read_committed);
        auto rows = tx.scan(*table);
        while (true) {
            const auto more = rows.next();
            if (!more) {
                unread_ = more.error();
                return false;
            }
            if (!*more) return true;
            const auto key = rows.key().template as<std::string>();
            look_at_value(key, rows.value(), name);
            if (key.rfind("tx/", 0) == 0) ledger_.found_marker(std::stoul(key.substr(3)));
            else if (key.rfind("shared/", 0) == 0)
                ledger_.found_shared(key, std::stoul(rows.value().template as<std::string>()));
        }
    }

    // Whatever is there is as somebody wrote it, also on a disk that lies.
    void look_at_value(const std::string& key, bytes_view value, const std::string& table) {
        const bytes* const written = table == "left" ? rows_.find(key) : nullptr;
        if (written != nullptr && value != written->view())
            life_.violated("row " + key + " is not as it was written");
        if (key.rfind("churn/", 0) == 0 && value != std::string(value.size(), 'c'))
            life_.violated("row " + key + " is not as anybody wrote it");
    }

    crashing life_;
    store_options options_;
    durability_ledger ledger_;
    std::optional<error> unread_;
    model_map rows_;  // of table "left" that one transaction each may have written
};

template <class Left>
outcome live_with(const plan& of) {
    outcome out;
    if (of.durability == "periodic") store_life<periodic, Left>{of, out}.live();
    else if (of.durability == "buffered") store_life<buffered, Left>{of, out}.live();
    else store_life<group_commit, Left>{of, out}.live();
    return out;
}

}  // namespace

outcome live_store(const plan& of) { return live_with<btree<>>(of); }
// What the periodic class does is the log's, whatever the index.
outcome live_pages(const plan& of) {
    using pages = paged_btree<512>;
    outcome out;
    if (of.durability == "group_commit") store_life<group_commit, pages>{of, out}.live();
    else store_life<buffered, pages>{of, out}.live();
    return out;
}

}  // namespace simulate
