// SPDX-License-Identifier: BSL-1.0
//
// All of mantis, but for what is included on purpose: document/json.hpp, which links a library,
// ext/, and what tests need, platform/simulated.hpp and platform/faulty.hpp.
//
// For a first program, and for tests; a program that cares how long it compiles includes what it
// uses: <mantis/store/store.hpp> or <mantis/document/document_store.hpp>, and <mantis/fwd.hpp> in
// its own headers.
#pragma once

#include "fwd.hpp"
#include "version.hpp"

#include "core/backoff.hpp"
#include "core/checksum.hpp"
#include "core/encoded.hpp"
#include "core/key_codec.hpp"
#include "core/key_encoding.hpp"
#include "core/raw_codec.hpp"
#include "core/result.hpp"
#include "core/units.hpp"
#include "core/value_codec.hpp"

#include "platform/memory.hpp"
#include "platform/posix.hpp"
#include "platform/retrying.hpp"

#include "metrics/files.hpp"
#include "metrics/prometheus.hpp"
#include "metrics/registry.hpp"
#include "metrics/resources.hpp"

#include "sync/epoch.hpp"
#include "sync/optimistic_latch.hpp"
#include "sync/optimistic_load.hpp"
#include "sync/rwlock.hpp"
#include "sync/rwlock_checked.hpp"
#include "sync/rwlock_stats.hpp"
#include "sync/word_latch.hpp"
#include "sync/worker_pool.hpp"

#include "lock/dot.hpp"
#include "lock/manager.hpp"
#include "lock/metrics.hpp"

#include "wal/archive_restore.hpp"
#include "wal/follower.hpp"
#include "wal/log_check.hpp"
#include "wal/log_finding.hpp"
#include "wal/log_options.hpp"
#include "wal/packed_archive.hpp"
#include "wal/reader.hpp"
#include "wal/retention_metrics.hpp"
#include "wal/writer.hpp"

#include "page/buffer_pool.hpp"
#include "page/free_page_numbers.hpp"
#include "page/memory_source.hpp"
#include "page/segment_cleaner.hpp"

#include "index/btree/btree.hpp"
#include "index/btree/btree_map.hpp"
#include "index/btree/page_tree.hpp"
#include "index/btree/page_tree_cursor.hpp"
#include "index/btree/page_tree_loader.hpp"
#include "index/btree/page_tree_walk.hpp"
#include "index/btree/slotted_node.hpp"
#include "index/btree/slotted_verify.hpp"

#include "recovery/database_truncation.hpp"
#include "recovery/image_reader.hpp"
#include "recovery/image_writer.hpp"
#include "recovery/manifest.hpp"
#include "recovery/page_damage.hpp"
#include "recovery/paged_table.hpp"
#include "recovery/paged_tables.hpp"
#include "recovery/salvage.hpp"

#include "store/durability_metrics.hpp"
#include "store/page_metrics.hpp"
#include "store/paged_btree.hpp"
#include "store/recovery_metrics.hpp"
#include "store/scrub_metrics.hpp"
#include "store/store.hpp"
#include "store/typed_table.hpp"
#include "store/write_metrics.hpp"

#include "document/bson.hpp"
#include "document/document_store.hpp"
#include "document/filter_builder.hpp"
