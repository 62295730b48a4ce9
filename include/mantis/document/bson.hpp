// SPDX-License-Identifier: BSL-1.0
//
// Binary JSON, all of it: reading in place, writing, and validating what comes from outside.
#pragma once

#include "bson_name.hpp"
#include "bson_type.hpp"
#include "bson_validate.hpp"
#include "bson_view.hpp"
#include "bson_writer.hpp"
