// SPDX-License-Identifier: BSL-1.0
//
// The simulated disk: files and directories, each with what programs see and what would survive a
// power failure.
//
//   cached   what read(), list() and the rest see
//   durable  what is on the platters for certain
//   changes  made since, in order; each is one write or resize, or one name made, renamed or
//            removed
//
// A sync settles the changes that had been made when it began. A power failure settles none of the
// rest (drop_unsynced) or a subset that the seed draws (random_subset): kept, dropped, or for a
// write torn into sectors; a write that made its file longer may leave the length and not the
// bytes, and then there are zeros, noise, or other bytes of the file: what was there before, or in
// another of its sectors. Files and directories are drawn independently, so their changes reach the
// disk in any order. When only the process ends, nothing of that happens: what was cached is still
// seen.
//
// A sync that fails leaves a file as failed_sync says. The two ways that lose data are what real
// systems do: the next sync then succeeds, and has not written what the failed one had to.
//
// A file without a name takes its space until its last opener is gone.
//
// Threads: one at a time; simulated_world sees to that.
#pragma once

#include "random.hpp"

#include "../detail/folder_tree.hpp"
#include "../detail/sparse_bytes.hpp"
#include "../fault.hpp"

namespace mantis {

// What happens to changes that were not synced when the power failed.
enum class crash_mode : std::uint8_t {
    drop_unsynced,  // all are lost
    random_subset,  // any subset is kept, writes also in part
    process_only,   // the power stays: a process was killed and nothing is lost
};

inline constexpr std::uint64_t simulated_sector_bytes = 512;

// How willingly the changes of one file or directory reach the disk by themselves: never, rarely,
// half, mostly, always. Drawn once for each, so that the extremes are as common as the mixtures.
class crash_luck {
public:
    explicit crash_luck(seeded_random& random) noexcept : kept_of_8_{choices[random.below(5)]} {}
    [[nodiscard]] bool keeps(seeded_random& random) const noexcept {
        return random.below(8) < kept_of_8_;
    }

private:
    static constexpr std::uint64_t choices[] = {0, 1, 4, 7, 8};
    std::uint64_t kept_of_8_;
};

// Which of the unsynced changes survive, one bit for each, in the order in which they are asked
// about: the names of a directory before the contents of its files.
class chosen_changes {
public:
    explicit chosen_changes(std::uint64_t kept_bits) noexcept : kept_bits_{kept_bits} {}
    [[nodiscard]] bool keeps_next() noexcept {
        const std::uint64_t at = count_++;
        return at < 64 && (kept_bits_ >> at & 1) != 0;
    }
    // How many were asked about.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
    std::uint64_t kept_bits_;
    std::uint64_t count_ = 0;
};

class simulated_contents {
public:
    [[nodiscard]] std::uint64_t size() const noexcept { return cached_.size(); }
    [[nodiscard]] std::size_t read(std::uint64_t offset, std::byte* into, std::size_t count) const {
        return cached_.read(offset, into, count);
    }
    //   Effects     puts what was at the offset before it was last written over what `into` holds,
    //               as far as anything was
    void read_former(std::uint64_t offset, std::byte* into, std::size_t count) const {
        (void)former_.read(offset, into, count);
    }
    void write(std::uint64_t offset, bytes_view from) {
        remember(offset, from.size());
        cached_.write(offset, from);
        changes_.push_back({false, offset, bytes{from}});
    }
    void resize(std::uint64_t size) {
        if (size < cached_.size()) remember(size, most_remembered);
        cached_.resize(size);
        changes_.push_back({true, size, {}});
    }

    // How many changes were ever made: what a sync that begins now will settle.
    [[nodiscard]] std::uint64_t change_count() const noexcept { return settled_ + changes_.size(); }
    //   Effects     the first `count` changes ever made are durable
    void settle(std::uint64_t count) {
        if (count <= settled_) return;
        const auto fresh = static_cast<std::size_t>(count - settled_);
        for (std::size_t i = 0; i < fresh; ++i) apply(durable_, changes_[i]);
        changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(fresh));
        settled_ = count;
    }
    // How many of them are durable for certain.
    [[nodiscard]] std::uint64_t settled_count() const noexcept { return settled_; }
    //   Effects     a sync of the first `count` changes ever made has failed
    void fail_to_settle(std::uint64_t count, failed_sync how) {
        if (how == failed_sync::keeps || count <= settled_) return;
        const auto failed = static_cast<std::ptrdiff_t>(count - settled_);
        changes_.erase(changes_.begin(), changes_.begin() + failed);
        settled_ = count;
        if (how == failed_sync::forgets) return;
        cached_ = durable_;
        for (const change& made : changes_) apply(cached_, made);
    }
    //   Effects     turns a bit of what programs see and of what is on the platters
    //   Requires    offset < size()
    void flip(std::uint64_t offset, unsigned bit) {
        for (detail::sparse_bytes* const at : {&cached_, &durable_}) {
            std::byte turned{0};
            if (at->read(offset, &turned, 1) == 0) continue;
            turned ^= std::byte{1} << bit;
            at->write(offset, {&turned, 1});
        }
    }
    //   Effects     it is another file, and durable
    void replace(bytes_view contents) {
        settled_ = change_count();
        changes_.clear();
        cached_.resize(0);
        cached_.write(0, contents);
        durable_ = cached_;
    }
    //   Effects     the power fails and comes back: what is durable is all there is
    void crash(crash_mode mode, seeded_random& random,
               std::uint64_t sector_bytes = simulated_sector_bytes) {
        settled_ = change_count();
        if (mode == crash_mode::random_subset) {
            const crash_luck luck{random};
            for (const change& made : changes_) apply_in_part(made, luck, random, sector_bytes);
        }
        changes_.clear();
        cached_ = durable_;
    }

    //   Effects     the power fails and comes back; of what was not synced the chosen changes are
    //               there, whole
    void crash(chosen_changes& chosen) {
        settled_ = change_count();
        for (const change& made : changes_)
            if (chosen.keeps_next()) apply(durable_, made);
        changes_.clear();
        cached_ = durable_;
    }

    // The openers of the boot `opener_boot`.
    std::uint64_t opener_count = 0;
    std::uint64_t opener_boot = 0;

private:
    static constexpr std::size_t most_remembered = 1 << 16;  // of what is cut off

    struct change {
        bool resizes;
        std::uint64_t at;  // an offset, or the new size
        bytes data;
    };

    static void apply(detail::sparse_bytes& to, const change& made) {
        if (made.resizes) to.resize(made.at);
        else to.write(made.at, made.data);
    }
    void apply_in_part(const change& made, crash_luck luck, seeded_random& random,
                       std::uint64_t sector_bytes) {
        const std::uint64_t end = made.at + made.data.size();
        if (luck.keeps(random)) {
            if (made.resizes || !random.one_in(4)) apply(durable_, made);
            else tear(made, random, sector_bytes);
        } else if (!made.resizes && end > durable_.size() && random.one_in(4)) {
            const std::uint64_t begin = durable_.size();
            durable_.resize(end);
            if (random.one_in(2)) fill_with_garbage(begin > made.at ? begin : made.at, end, random);
        }
    }
    void tear(const change& made, seeded_random& random, std::uint64_t sector_bytes) {
        for (std::size_t done = 0; done < made.data.size();) {
            const std::uint64_t at = made.at + done;
            const std::uint64_t in_sector = sector_bytes - at % sector_bytes;
            const std::size_t left = made.data.size() - done;
            const std::size_t piece = in_sector < left ? static_cast<std::size_t>(in_sector) : left;
            if (random.one_in(2)) durable_.write(at, made.data.view().part(done, piece));
            else if (at >= durable_.size() && random.one_in(8))
                fill_with_garbage(at, at + piece, random);
            done += piece;
        }
    }
    // What new space of a file shows that was never written: noise, what this file had there
    // before, or a copy of what it has in front of it.
    void fill_with_garbage(std::uint64_t begin, std::uint64_t end, seeded_random& random) {
        const auto count = static_cast<std::size_t>(end - begin);
        bytes garbage = bytes::zeros(count);
        const std::uint64_t choice = random.below(3);
        if (choice == 0) {
            for (std::byte* at = garbage.data(); at != garbage.data() + count; ++at)
                *at = static_cast<std::byte>(random.next());
        } else if (choice == 1) {
            (void)former_.read(begin, garbage.data(), count);
        } else if (const std::uint64_t sectors = begin / simulated_sector_bytes; sectors > 0) {
            const std::uint64_t back = (1 + random.next() % sectors) * simulated_sector_bytes;
            (void)durable_.read(begin - back, garbage.data(), count);
        }
        durable_.write(begin, garbage);
    }
    void remember(std::uint64_t offset, std::size_t count) {
        if (offset >= cached_.size() || count == 0) return;
        bytes old = bytes::zeros(count);
        old.resize(cached_.read(offset, old.data(), count));
        former_.write(offset, old);
    }

    detail::sparse_bytes cached_;
    detail::sparse_bytes durable_;
    detail::sparse_bytes former_;  // what was in the cache before the last write there
    std::vector<change> changes_;  // since the last that was settled
    std::uint64_t settled_ = 0;
};

class simulated_folder {
public:
    using file_node = detail::shared<simulated_contents>;
    using file_table = detail::name_table<simulated_contents>;

    [[nodiscard]] file_node find(bytes_view name) const { return cached_.find(name); }
    [[nodiscard]] const std::vector<file_table::entry>& entries() const noexcept {
        return cached_.entries();
    }
    [[nodiscard]] file_node create(bytes_view name) {
        file_node made = file_node::make();
        change_names({bytes{}, bytes{name}, made});
        return made;
    }
    //   Requires    find(name)
    void remove(bytes_view name) {
        lose_name(name);
        change_names({bytes{name}, bytes{}, find(name)});
    }
    //   Requires    find(from)
    void rename(bytes_view from, bytes_view to) {
        if (from == to) return;
        lose_name(to);
        change_names({bytes{from}, bytes{to}, find(from)});
    }
    // Handles of that boot on its files.
    [[nodiscard]] std::uint64_t opener_count(std::uint64_t boot) const noexcept {
        std::uint64_t count = 0;
        const auto add = [&](const simulated_contents& file) {
            if (file.opener_boot == boot) count += file.opener_count;
        };
        for (const auto& file : cached_.entries()) add(*file.node);
        for (const file_node& file : nameless_) add(*file);
        return count;
    }
    // The sizes of its files, those that lost their name and are still open included.
    [[nodiscard]] std::uint64_t used_bytes() const noexcept {
        std::uint64_t used = 0;
        for (const auto& file : cached_.entries()) used += file.node->size();
        for (const file_node& file : nameless_)
            if (file->opener_count != 0) used += file->size();
        return used;
    }

    [[nodiscard]] std::uint64_t change_count() const noexcept { return settled_ + changes_.size(); }
    //   Effects     the first `count` changes ever made are durable
    void settle(std::uint64_t count) {
        if (count <= settled_) return;
        const auto fresh = static_cast<std::size_t>(count - settled_);
        for (std::size_t i = 0; i < fresh; ++i) apply(durable_, changes_[i]);
        changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(fresh));
        settled_ = count;
    }
    //   Effects     the power fails and comes back, for the names and for the files that keep one
    void crash(crash_mode mode, seeded_random& random,
               std::uint64_t sector_bytes = simulated_sector_bytes) {
        lock_holder = 0;
        nameless_.clear();
        if (mode == crash_mode::process_only) return;
        settled_ = change_count();
        if (mode == crash_mode::random_subset) {
            const crash_luck luck{random};
            for (const change& made : changes_)
                if (luck.keeps(random)) apply(durable_, made);
        }
        changes_.clear();
        cached_ = durable_;
        for (const file_table::entry& entry : cached_.entries())
            entry.node->crash(mode, random, sector_bytes);
    }

    void crash(chosen_changes& chosen) {
        lock_holder = 0;
        nameless_.clear();
        settled_ = change_count();
        for (const change& made : changes_)
            if (chosen.keeps_next()) apply(durable_, made);
        changes_.clear();
        cached_ = durable_;
        for (const file_table::entry& entry : cached_.entries()) entry.node->crash(chosen);
    }

    std::uint64_t lock_holder = 0;  // the number of the directory object that holds the lock

private:
    // `from` stops and `to` begins to mean the file; either may be empty.
    struct change {
        bytes from;
        bytes to;
        file_node file;
    };

    void lose_name(bytes_view name) {
        for (std::size_t i = nameless_.size(); i-- > 0;)
            if (nameless_[i]->opener_count == 0)
                nameless_.erase(nameless_.begin() + static_cast<std::ptrdiff_t>(i));
        if (file_node file = find(name)) nameless_.push_back(std::move(file));
    }
    void change_names(change made) {
        apply(cached_, made);
        changes_.push_back(std::move(made));
    }
    // A file has one name; after a crash that lost an earlier change it may be another than `from`.
    static void apply(file_table& table, const change& made) {
        if (!made.from.empty()) table.erase_node(made.file);
        if (!made.to.empty()) table.set(made.to, made.file);
    }

    file_table cached_;
    file_table durable_;
    std::vector<change> changes_;
    std::uint64_t settled_ = 0;
    std::vector<file_node> nameless_;
};

class simulated_disk {
public:
    using folder_node = detail::shared<simulated_folder>;

    [[nodiscard]] folder_node find(bytes_view path) const { return tree_.find(path); }
    //   Effects     makes the directory and those above it, durably: a platform syncs what it makes
    [[nodiscard]] folder_node create(bytes_view path) { return tree_.create(path); }
    void crash(crash_mode mode, seeded_random& random,
               std::uint64_t sector_bytes = simulated_sector_bytes) {
        for (const auto& folder : tree_.folders()) folder.node->crash(mode, random, sector_bytes);
    }
    void crash(chosen_changes& chosen) {
        for (const auto& folder : tree_.folders()) folder.node->crash(chosen);
    }
    // Handles of that boot, and directories that are locked.
    [[nodiscard]] std::uint64_t held_count(std::uint64_t boot) const noexcept {
        std::uint64_t count = 0;
        for (const auto& folder : tree_.folders())
            count += folder.node->opener_count(boot) + (folder.node->lock_holder != 0 ? 1 : 0);
        return count;
    }
    // The sizes of all files that have a name or an opener.
    [[nodiscard]] std::uint64_t used_bytes() const noexcept {
        std::uint64_t used = 0;
        for (const auto& folder : tree_.folders()) used += folder.node->used_bytes();
        return used;
    }

private:
    detail::folder_tree<simulated_folder> tree_;
};

}  // namespace mantis
