// SPDX-License-Identifier: BSL-1.0
//
// Finds an entry of a page_tree and copies its value, wherever that is.
//
// A value in an extent is read after the leaf, with nothing held. It counts if the leaf has not
// changed until the last of its pages was read: the leaf had the reference all the time then, and
// who frees the pages of an extent changes the leaf before. Where it has changed, or has left its
// frame, the entry is looked for again; after a few attempts the leaf stays pinned while the value
// is read, and a writer waits for that.
//
// Threads: any number.
#pragma once

#include "extent_reader.hpp"
#include "tree_descent.hpp"
#include "tree_leaf.hpp"

namespace mantis::detail {

template <class Tree>
class tree_find {
public:
    //   Requires    both live longer
    tree_find(const Tree& tree, leaf_value& into) noexcept : tree_{tree}, into_{into} {}

    //   Errors      those of the pool; corrupt
    [[nodiscard]] result<void> run(bytes_view key) {
        return look(key, [&](auto still) -> result<bool> {
            if (!into_.is_reference) return true;
            return read_extent(*tree_.pool, tree_.table, key, into_.reference(), into_.far_bytes,
                               still);
        });
    }
    // The same, but a value in an extent is not read.
    [[nodiscard]] result<void> run_without_extent(bytes_view key) {
        return look(key, [](auto) -> result<bool> { return true; });
    }

private:
    //   Requires    finish(still) answers false where the leaf has changed
    template <class Finish>
    [[nodiscard]] result<void> look(bytes_view key, Finish finish) {
        for (unsigned i = 0; i < Tree::attempts; ++i) {
            auto leaf = tree_.seek({key}, 0);
            if (!leaf) return std::move(leaf).error();
            if (!*leaf) continue;
            const auto& page = (*leaf)->page;
            copy_value((*leaf)->view, key, into_);
            if (!page.validate()) continue;
            if (into_.answer != node_answer::found) return answer(page.page());
            const auto whole = finish([&] { return page.validate(); });
            if (!whole) return whole.error();
            if (*whole) return success();
        }
        auto held = tree_.pin({key}, 0);
        if (!held) return std::move(held).error();
        copy_value(tree_.view(*held), key, into_);
        if (into_.answer != node_answer::found) return answer(held->page());
        const auto whole = finish([] { return true; });
        if (!whole) return whole.error();
        return success();
    }
    [[nodiscard]] result<void> answer(page_id page) const {
        if (into_.answer == node_answer::malformed)
            return tree_.corrupt(page, "an entry that makes no sense");
        return success();
    }

    const Tree& tree_;
    leaf_value& into_;
};

}  // namespace mantis::detail
