// SPDX-License-Identifier: BSL-1.0
//
// Rows copied out of an index, one behind the other in one piece of memory.
//
//   batch.add(key, value, version); ...
//   for (; !batch.done(); batch.advance()) use(batch.row());
//
// Threads: like an int.
#pragma once

#include "../core/bytes.hpp"
#include "../core/ids.hpp"

#include <vector>

namespace mantis {

struct batch_row {
    bytes_view key;
    bytes_view value;
    lsn version;
};

class row_batch {
public:
    //   Effects     behind the others; those that were handed out are no more valid
    void add(bytes_view key, bytes_view value, lsn version) {
        data_.append(key);
        data_.append(value);
        places_.push_back({key.size(), value.size(), version});
    }
    void clear() noexcept {
        data_.clear();
        places_.clear();
        at_ = 0;
        offset_ = 0;
    }

    [[nodiscard]] std::size_t count() const noexcept { return places_.size(); }
    // Keys and values, and what is noted of them.
    [[nodiscard]] std::size_t held_bytes() const noexcept {
        return data_.size() + places_.size() * sizeof(place);
    }

    // Going over them, once.
    [[nodiscard]] bool done() const noexcept { return at_ == places_.size(); }
    //   Requires    !done()
    //   Returns     valid until add(), clear() or the end of the batch
    [[nodiscard]] batch_row row() const noexcept {
        const place& here = places_[at_];
        const bytes_view all = data_;
        return {all.part(offset_, here.key_bytes),
                all.part(offset_ + here.key_bytes, here.value_bytes), here.version};
    }
    //   Requires    !done()
    void advance() noexcept {
        offset_ += places_[at_].key_bytes + places_[at_].value_bytes;
        ++at_;
    }

private:
    struct place {
        std::size_t key_bytes;
        std::size_t value_bytes;
        lsn version;
    };

    bytes data_;
    std::vector<place> places_;
    std::size_t at_ = 0;
    std::size_t offset_ = 0;  // of the row at at_
};

}  // namespace mantis
