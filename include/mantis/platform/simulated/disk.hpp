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
// write torn into sectors of 512 bytes; a write that made its file longer may leave the length and
// not the bytes. Files and directories are drawn independently, so their changes reach the disk in
// any order. When only the process ends, nothing of that happens: what was cached is still seen.
//
// A sync that fails leaves a file as failed_sync says. The two ways that lose data are what real
// systems do: the next sync then succeeds, and has not written what the failed one had to.
//
// Threads: one at a time; simulated_world sees to that.
#pragma once

#include "random.hpp"

#include "../detail/folder_tree.hpp"
#include "../detail/sparse_bytes.hpp"

namespace mantis {

// What happens to changes that were not synced when the power failed.
enum class crash_mode : std::uint8_t {
    drop_unsynced,  // all are lost
    random_subset,  // any subset is kept, writes also in part
    process_only,   // the power stays: a process was killed and nothing is lost
};

// What becomes of the changes that a failed sync of a file had to settle.
enum class failed_sync : std::uint8_t {
    keeps,    // they wait for the next sync
    forgets,  // programs see them until the power fails, and no later sync settles them
    reverts,  // gone at once: the file reads as it lies on the platters
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

class simulated_contents {
public:
    [[nodiscard]] std::uint64_t size() const noexcept { return cached_.size(); }
    [[nodiscard]] std::size_t read(std::uint64_t offset, std::byte* into, std::size_t count) const {
        return cached_.read(offset, into, count);
    }
    void write(std::uint64_t offset, bytes_view from) {
        cached_.write(offset, from);
        changes_.push_back({false, offset, bytes{from}});
    }
    void resize(std::uint64_t size) {
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
    //   Effects     the power fails and comes back: what is durable is all there is
    void crash(crash_mode mode, seeded_random& random) {
        settled_ = change_count();
        if (mode == crash_mode::random_subset) {
            const crash_luck luck{random};
            for (const change& made : changes_) apply_in_part(made, luck, random);
        }
        changes_.clear();
        cached_ = durable_;
    }

private:
    struct change {
        bool resizes;
        std::uint64_t at;  // an offset, or the new size
        bytes data;
    };

    static void apply(detail::sparse_bytes& to, const change& made) {
        if (made.resizes) to.resize(made.at);
        else to.write(made.at, made.data);
    }
    void apply_in_part(const change& made, crash_luck luck, seeded_random& random) {
        const std::uint64_t end = made.at + made.data.size();
        if (luck.keeps(random)) {
            if (made.resizes || !random.one_in(4)) apply(durable_, made);
            else tear(made, random);
        } else if (!made.resizes && end > durable_.size() && random.one_in(4)) {
            durable_.resize(end);
        }
    }
    void tear(const change& made, seeded_random& random) {
        for (std::size_t done = 0; done < made.data.size();) {
            const std::uint64_t at = made.at + done;
            const std::uint64_t in_sector = simulated_sector_bytes - at % simulated_sector_bytes;
            const std::size_t left = made.data.size() - done;
            const std::size_t piece = in_sector < left ? static_cast<std::size_t>(in_sector) : left;
            if (random.one_in(2)) durable_.write(at, made.data.view().part(done, piece));
            done += piece;
        }
    }

    detail::sparse_bytes cached_;
    detail::sparse_bytes durable_;
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
    void remove(bytes_view name) { change_names({bytes{name}, bytes{}, find(name)}); }
    //   Requires    find(from)
    void rename(bytes_view from, bytes_view to) {
        if (from != to) change_names({bytes{from}, bytes{to}, find(from)});
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
    void crash(crash_mode mode, seeded_random& random) {
        lock_holder = 0;
        if (mode == crash_mode::process_only) return;
        settled_ = change_count();
        if (mode == crash_mode::random_subset) {
            const crash_luck luck{random};
            for (const change& made : changes_)
                if (luck.keeps(random)) apply(durable_, made);
        }
        changes_.clear();
        cached_ = durable_;
        for (const file_table::entry& entry : cached_.entries()) entry.node->crash(mode, random);
    }

    std::uint64_t lock_holder = 0;  // the number of the directory object that holds the lock

private:
    // `from` stops and `to` begins to mean the file; either may be empty.
    struct change {
        bytes from;
        bytes to;
        file_node file;
    };

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
};

class simulated_disk {
public:
    using folder_node = detail::shared<simulated_folder>;

    [[nodiscard]] folder_node find(bytes_view path) const { return tree_.find(path); }
    //   Effects     makes the directory and those above it, durably: a platform syncs what it makes
    [[nodiscard]] folder_node create(bytes_view path) { return tree_.create(path); }
    void crash(crash_mode mode, seeded_random& random) {
        for (const auto& folder : tree_.folders()) folder.node->crash(mode, random);
    }
    // The sizes of all files that have a name.
    [[nodiscard]] std::uint64_t used_bytes() const noexcept {
        std::uint64_t used = 0;
        for (const auto& folder : tree_.folders())
            for (const auto& file : folder.node->entries()) used += file.node->size();
        return used;
    }

private:
    detail::folder_tree<simulated_folder> tree_;
};

}  // namespace mantis
