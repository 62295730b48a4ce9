// SPDX-License-Identifier: BSL-1.0
//
// The contents of a file in RAM, in blocks that exist once something was written to them: a
// preallocated gigabyte costs a megabyte.
#pragma once

#include "../../core/bytes.hpp"

#include <vector>

namespace mantis::detail {

class sparse_bytes {
public:
    static constexpr std::size_t block_bytes = 4096;

    sparse_bytes() = default;
    sparse_bytes(const sparse_bytes& other) : blocks_(other.blocks_.size()), size_{other.size_} {
        for (std::size_t i = 0; i < blocks_.size(); ++i)
            if (other.blocks_[i] != nullptr) std::memcpy(made(i), other.blocks_[i], block_bytes);
    }
    sparse_bytes(sparse_bytes&& other) noexcept
        : blocks_{std::move(other.blocks_)}, size_{std::exchange(other.size_, 0)} {
        other.blocks_.clear();
    }
    sparse_bytes& operator=(sparse_bytes other) noexcept {
        blocks_.swap(other.blocks_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~sparse_bytes() {
        for (std::byte* const block : blocks_) delete[] block;
    }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    //   Returns     how much was read; less than count only at the end
    std::size_t read(std::uint64_t offset, std::byte* into, std::size_t count) const {
        if (offset >= size_) return 0;
        if (count > size_ - offset) count = static_cast<std::size_t>(size_ - offset);
        for_each_block(offset, count,
                       [&](std::size_t i, std::size_t at, std::size_t done, std::size_t n) {
                           if (blocks_[i] != nullptr) std::memcpy(into + done, blocks_[i] + at, n);
                           else std::memset(into + done, 0, n);
                       });
        return count;
    }
    //   Effects     extends the contents where they end too early
    void write(std::uint64_t offset, bytes_view from) {
        if (from.empty()) return;
        if (offset + from.size() > size_) resize(offset + from.size());
        for_each_block(offset, from.size(),
                       [&](std::size_t i, std::size_t at, std::size_t done, std::size_t n) {
                           std::memcpy(made(i) + at, from.data() + done, n);
                       });
    }
    //   Effects     cuts, or extends with zeros
    void resize(std::uint64_t size) {
        const auto blocks = static_cast<std::size_t>((size + block_bytes - 1) / block_bytes);
        for (std::size_t i = blocks; i < blocks_.size(); ++i) delete[] blocks_[i];
        const std::size_t kept = size % block_bytes;
        if (size < size_ && kept != 0 && blocks_[blocks - 1] != nullptr)
            std::memset(blocks_[blocks - 1] + kept, 0, block_bytes - kept);
        blocks_.resize(blocks, nullptr);
        size_ = size;
    }

private:
    template <class Use>
    static void for_each_block(std::uint64_t offset, std::size_t count, Use use) {
        for (std::size_t done = 0; done < count;) {
            const auto block = static_cast<std::size_t>((offset + done) / block_bytes);
            const auto at = static_cast<std::size_t>((offset + done) % block_bytes);
            const std::size_t left = count - done;
            const std::size_t piece = block_bytes - at < left ? block_bytes - at : left;
            use(block, at, done, piece);
            done += piece;
        }
    }
    [[nodiscard]] std::byte* made(std::size_t block) {
        if (blocks_[block] == nullptr) blocks_[block] = new std::byte[block_bytes]();
        return blocks_[block];
    }

    std::vector<std::byte*> blocks_;  // nullptr: zeros
    std::uint64_t size_ = 0;
};

}  // namespace mantis::detail
