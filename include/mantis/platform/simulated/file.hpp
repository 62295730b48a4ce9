// SPDX-License-Identifier: BSL-1.0
//
// A file of the simulated disk. See platform.hpp, concept block_file.
//
// Its calls fail once the power has failed, also after it is back: the file belongs to the boot in
// which it was opened.
#pragma once

#include "world.hpp"

namespace mantis {

class simulated_file {
public:
    simulated_file(detail::shared<simulated_world> world,
                   detail::shared<simulated_contents> contents, bytes path, std::uint64_t boot,
                   bool writable) noexcept
        : world_{std::move(world)},
          contents_{std::move(contents)},
          path_{std::move(path)},
          boot_{boot},
          writable_{writable} {}

    [[nodiscard]] bytes_view path() const noexcept { return path_.view(); }

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) const {
        std::size_t got = 0;
        const auto asked = request(io_kind::read, "reading a file", offset, count);
        auto done = world_->perform(asked, [&] {
            got = contents_->read(offset, into, count);
            return success();
        });
        if (!done) return std::move(done).error();
        return got;
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        const auto asked = request(io_kind::write, "writing a file", offset, from.size());
        return change(asked, offset + from.size(), [&] {
            if (!from.empty()) contents_->write(offset, from);
        });
    }
    // What was written before the sync began is durable when it returns.
    [[nodiscard]] result<void> sync() {
        const std::uint64_t made = contents_->change_count();
        auto done = world_->perform(request(io_kind::sync, "syncing a file", 0, 0), [&] {
            contents_->settle(made);
            return success();
        });
        if (!done && boot_ == world_->boot() && world_->powered())
            contents_->fail_to_settle(made, world_->after_failed_sync());
        return done;
    }
    [[nodiscard]] result<std::uint64_t> size() const {
        std::uint64_t size = 0;
        auto done = world_->perform(request(io_kind::size, "asking for a file's size", 0, 0), [&] {
            size = contents_->size();
            return success();
        });
        if (!done) return std::move(done).error();
        return size;
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        return change(request(io_kind::resize, "resizing a file", size, 0), size,
                      [&] { contents_->resize(size); });
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        return change(request(io_kind::preallocate, "preallocating a file", size, 0), size, [&] {
            if (size > contents_->size()) contents_->resize(size);
        });
    }

private:
    [[nodiscard]] simulated_world::request request(io_kind kind, const char* doing,
                                                   std::uint64_t offset,
                                                   std::uint64_t size) const noexcept {
        return {kind, boot_, doing, path(), offset, size};
    }
    // A change after which the file is at least `size` long.
    template <class Change>
    [[nodiscard]] result<void> change(const simulated_world::request& asked, std::uint64_t size,
                                      Change make) {
        return world_->perform(asked, [&]() -> result<void> {
            if (!writable_) return simulated_world::refusal(asked, error_code::io);
            const std::uint64_t before = contents_->size();
            auto room = world_->reserve(asked, size > before ? size - before : 0);
            if (room) make();
            return room;
        });
    }

    detail::shared<simulated_world> world_;
    detail::shared<simulated_contents> contents_;
    bytes path_;
    std::uint64_t boot_;
    bool writable_;
};

}  // namespace mantis
