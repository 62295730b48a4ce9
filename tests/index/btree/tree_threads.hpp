// SPDX-License-Identifier: BSL-1.0
//
// Threads that use one page_tree, and what each of them may see.
//
// Each key has one writer, whose operations on it are numbered. A reader looks which of them were
// done before it asked, and which were begun when it had its answer: what it saw must be the state
// after one of those between, and never one before what it saw earlier. Every fourth key is steady:
// it is put first and never touched.
#pragma once

#include "../../page/history_source.hpp"
#include "tree_rig.hpp"

#include <mantis/index/btree/page_tree_walk.hpp>

namespace tree_tests {

template <class Platform>
struct tree_of_threads {
    template <class T>
    using atomic = typename Platform::template atomic<T>;
    using source = page_test::history_source<Platform>;
    using rig_type = rig<Platform, source>;

    static constexpr std::uint64_t max_operations = 400;
    enum state : std::uint8_t { absent, present, never };
    struct key_life {
        atomic<std::uint64_t> begun{0};
        atomic<std::uint64_t> done{0};
        // Written before `begun`, or when the operation has failed; read by others with `begun`.
        atomic<std::uint8_t> after[max_operations] = {};
    };

    rig_type all;
    std::vector<key_life> keys;
    std::vector<typename rig_type::tree_type::place_type> places;  // each of its key's writer
    std::uint64_t writers;
    atomic<std::uint64_t> wrong{0};
    atomic<std::uint64_t> refused{0};
    bool may_refuse = false;  // for want of a frame
    bool may_fail = false;
    std::size_t walk_bytes = 0;  // scans are walks, with batches of so many; 0: they are not

    const std::size_t value_bytes;  // at most, but for a number
    const bool of_ids;              // so that leaves become dense, and ordinary again

    tree_of_threads(std::size_t key_count, std::uint64_t writer_count, std::size_t frames,
                    std::size_t most_value_bytes = 90, bool keys_are_ids = false)
        : all{512, frames},
          keys(key_count),
          places(key_count),
          writers{writer_count},
          value_bytes{most_value_bytes},
          of_ids{keys_are_ids} {
        for (std::size_t key = 0; key < key_count; key += 4)
            REQUIRE(all.tree.put(name_of(key), value_of(key, 0), lsn{0}));
        all.pages.flush().value();
        all.disk.reads_of.clear();
    }

    static bool is_steady(std::size_t key) { return key % 4 == 0; }
    std::string name_of(std::size_t key) const {
        // One in 97 no dense leaf takes.
        if (of_ids) return big_endian(0x1000'0000 + key) + (key % 97 == 7 ? "x" : "");
        return "the-same-start-" + big_endian(key * 3).substr(6) + std::string(key % 3, 'x');
    }
    std::string value_of(std::size_t key, std::uint64_t operation) const {
        const std::size_t size = (key * 7 + operation * 31 * (1 + value_bytes / 100)) % value_bytes;
        return std::string(size, static_cast<char>('a' + (key + operation) % 20)) +
               std::to_string(operation);
    }

    void fail() { wrong.fetch_add(1); }
    void failed(const error& why) {
        const bool short_of_frames = why.code() == error_code::out_of_memory;
        if (!(short_of_frames && may_refuse) &&
            !(may_fail && (why.code() == error_code::io || short_of_frames)))
            fail();
        refused.fetch_add(1);
    }

    // The writer `number` does its next operation on one of its keys.
    void write(std::uint64_t number, std::uint64_t draw) {
        std::size_t key = draw % keys.size();
        while (is_steady(key) || key % writers != number) key = (key + 1) % keys.size();
        key_life& life = keys[key];
        const std::uint64_t operation = life.begun.load() + 1;
        if (operation >= max_operations) return;
        const std::uint64_t before = last_state(life, operation - 1);
        const bool puts = draw / 64 % 5 < 3;
        life.after[operation].store(puts ? present : absent);
        life.begun.store(operation);
        if (puts) {
            const auto put = this->put(key, operation, draw / 512 % 3);
            if (!put) return gave_up(life, operation, put.error());
        } else {
            const auto erased = all.tree.erase(name_of(key));
            if (!erased) return gave_up(life, operation, erased.error());
            if (*erased != (before == present)) fail();
        }
        life.done.store(operation);
    }
    // At no place, at one where it was found just now, or at one of long ago.
    result<bool> put(std::size_t key, std::uint64_t operation, std::uint64_t how) {
        const std::string name = name_of(key);
        const std::string value = value_of(key, operation);
        if (how == 0) return all.tree.put(name, value, lsn{operation});
        if (how == 1)
            if (auto there = all.tree.prefetch(name, places[key]); !there) return there.error();
        return all.tree.put(name, value, lsn{operation}, places[key]);
    }
    void gave_up(key_life& life, std::uint64_t operation, const error& why) {
        life.after[operation].store(never);
        failed(why);
    }
    // After the operations up to this one: those that failed do not count.
    static std::uint8_t last_state(const key_life& life, std::uint64_t operation) {
        while (operation != 0 && life.after[operation].load() == never) --operation;
        return life.after[operation].load();
    }

    // What one reader has seen of each key.
    using seen_versions = std::vector<std::uint64_t>;

    void check_answer(std::size_t key, std::uint64_t from, bool found, std::uint64_t version,
                      seen_versions& seen) {
        const std::uint64_t to = keys[key].begun.load();
        if (is_steady(key)) {
            if (!found || version != 0) fail();
            return;
        }
        if (found) {
            if (version < from || version > to || keys[key].after[version].load() != present)
                fail();
            seen[key] = version;
            return;
        }
        for (std::uint64_t operation = from; operation <= to; ++operation)
            if (keys[key].after[operation].load() == absent) return;
        fail();
    }
    std::uint64_t earliest(std::size_t key, const seen_versions& seen) {
        const std::uint64_t done = keys[key].done.load();
        return done > seen[key] ? done : seen[key];
    }
    void read(std::uint64_t draw, seen_versions& seen) {
        const std::size_t key = draw % keys.size();
        const std::uint64_t from = earliest(key, seen);
        std::uint64_t version = 0;
        const auto found = all.tree.find(name_of(key), [&](bytes_view value, lsn written) {
            version = written.value;
            if (value != bytes_view{value_of(key, version)}) fail();
        });
        if (!found) return failed(found.error());
        check_answer(key, from, *found, version, seen);
    }
    void scan(std::uint64_t draw, seen_versions& seen) {
        const std::size_t first = draw % keys.size();
        std::vector<std::uint64_t> from(keys.size());
        for (std::size_t key = first; key < keys.size(); ++key) from[key] = earliest(key, seen);
        std::size_t next = first;
        const auto absent_until = [&](std::size_t end) {
            for (; next < end; ++next) check_answer(next, from[next], false, 0, seen);
        };
        const auto done =
            go_over(name_of(first), [&](bytes_view name, bytes_view value, lsn version) {
                std::size_t key = next;
                while (key < keys.size() && bytes_view{name_of(key)} < name) ++key;
                if (key == keys.size() || bytes_view{name_of(key)} != name ||
                    value != bytes_view{value_of(key, version.value)}) {
                    fail();
                    return false;
                }
                absent_until(key);
                check_answer(key, from[key], true, version.value, seen);
                next = key + 1;
                return true;
            });
        if (!done) return failed(done.error());
        absent_until(keys.size());
    }

    template <class F>
    result<void> go_over(const std::string& first, F f) {
        if (walk_bytes == 0) return all.tree.scan(first, f);
        page_tree_walk walk{all.tree};
        row_batch rows;
        for (bytes from{bytes_view{first}};;) {
            rows.clear();
            const auto ended = walk.read(from, {}, walk_bytes, rows);
            if (!ended) return ended.error();
            for (; !rows.done(); rows.advance()) {
                const batch_row row = rows.row();
                if (!f(row.key, row.value, row.version)) return success();
                from.assign(row.key);
                from.push_back('\0');
            }
            if (*ended) return success();
        }
    }

    void run(std::uint64_t readers, std::uint64_t rounds, std::uint64_t salt) {
        std::vector<typename Platform::thread> running;
        for (std::uint64_t number = 0; number < writers + readers; ++number)
            running.emplace_back([this, number, rounds, salt] {
                std::uint64_t draw = salt * 31 + number + 1;
                seen_versions seen(keys.size());
                for (std::uint64_t i = 0; i < rounds; ++i) {
                    draw = draw * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
                    if (number < writers) write(number, draw >> 33);
                    else if ((draw >> 60) < 3) scan(draw >> 33, seen);
                    else read(draw >> 33, seen);
                }
            });
        for (auto& thread : running) thread.join();
    }
    // The tree is sound, and has what the writers made of it; what is wrong otherwise.
    std::string damage() {
        all.disk.fail_reads_one_in = 0;
        all.disk.fail_writes_one_in = 0;
        if (wrong.load() != 0) return "a thread saw what it must not see";
        if (all.disk.wrong != 0) return "the source was used as it must not be";
        if (all.pages.stats().pinned != 0) return "a page is held";
        seen_versions seen(keys.size());
        for (std::size_t key = 0; key < keys.size(); ++key) {
            std::uint64_t last = keys[key].begun.load();
            while (last != 0 && keys[key].after[last].load() == never) --last;
            keys[key].begun.store(last);
            keys[key].done.store(last);
            read(key, seen);
        }
        scan(0, seen);
        if (wrong.load() != 0) return "the tree has not what was put";
        return all.damage();
    }
    void erase_all() {
        for (std::size_t key = 0; key < keys.size(); ++key)
            if (!all.tree.erase(name_of(key))) fail();
    }
};

}  // namespace tree_tests
