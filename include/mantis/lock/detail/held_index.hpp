// SPDX-License-Identifier: BSL-1.0
//
// The requests of one owner by what they lock: open addressing with linear probes.
//
// Removal moves later entries back, so that no marks are left and a probe ends at the first empty
// slot. It grows at half full, and when it is emptied it gives back half of what was hardly used.
//
// Threads: like an int.
#pragma once

#include "../path.hpp"

#include <vector>

namespace mantis::detail {

template <class Request>
class held_index {
public:
    [[nodiscard]] Request* find(const lock_path& path, std::uint64_t hash) const noexcept {
        if (count_ == 0) return nullptr;
        for (std::size_t at = home(hash); slots_[at].request != nullptr; at = after(at))
            if (slots_[at].hash == hash && slots_[at].request->head->is(path))
                return slots_[at].request;
        return nullptr;
    }
    // The one that was inserted last, if it is that one: found without its hash.
    [[nodiscard]] Request* recent(const lock_path& path) const noexcept {
        return recent_ != nullptr && recent_->head->is(path) ? recent_ : nullptr;
    }
    //   Requires    it is not in
    void insert(Request& request, std::uint64_t hash) {
        if (slots_.size() < 2 * (count_ + 1)) grow();
        put({hash, &request});
        recent_ = &request;
        if (++count_ > most_) most_ = count_;
    }
    //   Requires    it is in
    void erase(const Request& request, std::uint64_t hash) noexcept {
        if (recent_ == &request) recent_ = nullptr;
        std::size_t hole = home(hash);
        while (slots_[hole].request != &request) hole = after(hole);
        for (std::size_t at = after(hole); slots_[at].request != nullptr; at = after(at)) {
            const std::size_t way = (at - home(slots_[at].hash)) & mask();
            if (way < ((at - hole) & mask())) continue;  // its home is behind the hole
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = {};
        --count_;
    }
    //   Effects     nothing is in
    void clear() noexcept {
        if (slots_.size() > first_slots && most_ * 16 < slots_.size())
            slots_ = std::vector<slot>(slots_.size() / 2);
        else if (most_ != 0)
            for (slot& emptied : slots_) emptied = {};
        most_ = 0;
        count_ = 0;
        recent_ = nullptr;
    }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

private:
    struct slot {
        std::uint64_t hash = 0;
        Request* request = nullptr;
    };
    static constexpr std::size_t first_slots = 16;

    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept { return hash & mask(); }
    [[nodiscard]] std::size_t after(std::size_t at) const noexcept { return (at + 1) & mask(); }
    void put(slot entry) noexcept {
        std::size_t at = home(entry.hash);
        while (slots_[at].request != nullptr) at = after(at);
        slots_[at] = entry;
    }
    void grow() {
        std::vector<slot> old(slots_.empty() ? first_slots : slots_.size() * 2);
        old.swap(slots_);
        for (const slot& entry : old)
            if (entry.request != nullptr) put(entry);
    }

    std::vector<slot> slots_;
    std::size_t count_ = 0;
    std::size_t most_ = 0;  // since it was emptied
    Request* recent_ = nullptr;
};

}  // namespace mantis::detail
