#include "core/config/explain.h"

#if defined(__GNUC__) && !defined(__clang__)
// False alarms in std::regex with -fsanitize=address: GCC bug 105562.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Only here: these headers take seconds to compile, and without the definition they abort() on a
// schema they dislike.
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_visitor.hpp>
static_assert(VALIJSON_USE_EXCEPTIONS, "link the CMake target valijson");

#include <algorithm>
#include <cmath>
#include <map>

#include "core/config/quantity.h"
#include "core/config/suggest.h"
#include "core/config/words.h"

namespace gatehouse::core {
namespace {

// valijson decides whether a value fits a schema, and reports failures in its own words, without
// the names and values that an operator needs. So a visitor, Explainer, walks through the parsed
// schema beside the value: it lets valijson (Judge) decide each constraint, and writes one Mismatch
// for each that fails, with the place in the file. Facts about the schema that valijson does not
// return, such as the constants of an `enum`, are collected before, in the Survey.

using Value = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;
using Judge = valijson::ValidationVisitor<Adapter>;
using valijson::Subschema;
using valijson::constraints::Constraint;

/// std::regex recurses once per character: some 100,000 characters overflow a stack of 8 MiB.
constexpr std::size_t kMaxPatternText = 4096;

/// A value of at most 64 levels needs no more schemas inside schemas than this, unless one contains
/// itself without end.
constexpr int kMaxSchemaDepth = 1000;

/// What all parts of one validation share.
struct Survey {
  Survey(const Value& schema, const Origins& o) : origins(o) { read(schema, ""); }

  /// `property` is the name that `schema` describes the value of.
  void read(const Value& schema, const std::string& property) {
    for (const auto& [keyword, part] : schema.items()) {
      if (schema.is_object() && keyword == "x-secret" && part == true) secrets.insert(property);
      if (schema.is_object() && keyword == "enum")
        constants.insert(constants.end(), part.begin(), part.end());
      if (schema.is_object() && keyword == "const") constants.push_back(part);
      if (schema.is_object() && keyword == "pattern" && part.is_string() &&
          schema.contains("x-words")) {
        words[part] = schema["x-words"].get<std::string>();
      }
      if (schema.is_object() && (keyword == "properties" || keyword == "patternProperties") &&
          part.is_object()) {
        for (const auto& [name, described] : part.items()) read(described, name);
      } else if (part.is_structured()) {
        read(part, property);
      }
    }
  }

  const Origins& origins;
  int depth = 0;  // of the explanation that is running
  /// Properties that are marked x-secret anywhere in the schema; "": something without a name.
  std::set<std::string> secrets;
  std::vector<Value> constants;              // all values of `enum` and `const`
  std::map<std::string, std::string> words;  // `x-words` of each pattern
  std::unordered_map<std::string, std::regex> regexes;
};

/// A value that is validated.
struct Spot {
  const Value& value;
  std::string pointer;
  std::string name;  // in problems
  bool hidden;
};

std::string article(const Value& value) {
  switch (value.type()) {
    case Value::value_t::null: return "null";
    case Value::value_t::boolean: return "a boolean";
    case Value::value_t::string: return "a string";
    case Value::value_t::array: return "a list";
    case Value::value_t::object: return "a map";
    case Value::value_t::number_float: return "a number";
    default: return "an integer";
  }
}

std::string shown(const Value& value) {
  if (value.is_structured()) return article(value);
  const auto* text = value.get_ptr<const std::string*>();
  if (!text) return value.dump();
  return text->size() > 60 ? "a string of " + std::to_string(text->size()) + " bytes"
                           : "the string " + value.dump();
}

std::string shown(double number) {
  return std::abs(number) < 1e15 && std::trunc(number) == number
             ? std::to_string(static_cast<std::int64_t>(number))
             : Value(number).dump();
}

std::string shown(std::uint64_t count, const char* of_what) {
  return std::to_string(count) + ' ' + of_what + (count == 1 ? "" : "s");
}

/// The formats that configurations write with a unit; empty for any other.
std::string format_noun(const std::string& format) {
  if (format == "duration") return "a duration such as 250ms, 10s or 5m";
  if (format == "size") return "a size such as 512B, 64KiB or 8MiB";
  return "";
}

/// `x-min` or `x-max`: a limit for a duration or a size, written with its unit.
class Bound final : public valijson::constraints::PolyConstraint {
 public:
  Bound(std::string limit, bool is_least) : limit_(std::move(limit)), is_least_(is_least) {}

  bool validate(const valijson::adapters::Adapter& target, const std::vector<std::string>&,
                valijson::ValidationResults*) const override {
    std::string text;
    if (!target.getString(text)) return true;
    const char* const format = quantity("duration", limit_) ? "duration" : "size";
    const auto value = quantity(format, text), limit = quantity(format, limit_);
    if (!value || !limit) return true;  // `format` reports it
    return is_least_ ? *value >= *limit : *value <= *limit;
  }
  std::string words() const { return (is_least_ ? "at least " : "at most ") + limit_; }

 private:
  Constraint* cloneInto(void* memory) const override { return new (memory) Bound(*this); }
  std::size_t sizeOf() const override { return sizeof(Bound); }

  const std::string limit_;
  const bool is_least_;
};

class BoundBuilder final : public valijson::ConstraintBuilder {
 public:
  explicit BoundBuilder(bool is_least) : is_least_(is_least) {}
  Constraint* make(const valijson::adapters::Adapter& value) const override {
    return new Bound(value.asString(), is_least_);
  }

 private:
  const bool is_least_;
};

/// Visits the constraints of a schema, for one value.
class Explainer final : public Judge {
 public:
  Explainer(Survey& survey, Spot spot, std::vector<Mismatch>& mismatches)
      : Judge(Adapter(spot.value), {}, true, nullptr, survey.regexes),
        survey_(survey),
        spot_(std::move(spot)),
        mismatches_(mismatches) {}

  bool explain(const Subschema& schema) {
    if (survey_.origins.at(spot_.pointer).broken) return true;
    if (schema.getAlwaysInvalid()) return fail("is not allowed here");
    if (survey_.depth == kMaxSchemaDepth)
      throw std::runtime_error("it contains itself without end");
    ++survey_.depth;

    // The type comes first: further problems of a value of the wrong type would only distract.
    Subschema::ApplyFunction format = [this](const Constraint& c) {
      if (const auto* f = dynamic_cast<const FormatConstraint*>(&c))
        noun_ = format_noun(f->getFormat());
      return true;
    };
    Subschema::ApplyFunction type = [this](const Constraint& c) {
      return !dynamic_cast<const TypeConstraint*>(&c) || c.accept(*this);
    };
    Subschema::ApplyFunction rest = [this](const Constraint& c) {
      return dynamic_cast<const TypeConstraint*>(&c) || c.accept(*this);
    };
    const bool ok = schema.apply(format) && schema.apply(type) && schema.apply(rest);
    --survey_.depth;
    return ok;
  }

  bool visit(const TypeConstraint& c) override {
    if (Judge::visit(c)) return true;
    std::vector<std::string> types;
    c.applyToNamedTypes([&](TypeConstraint::JsonType type) {
      switch (type) {
        case TypeConstraint::kArray: types.push_back("a list"); break;
        case TypeConstraint::kBoolean: types.push_back("true or false"); break;
        case TypeConstraint::kInteger: types.push_back("an integer"); break;
        case TypeConstraint::kNull: types.push_back("null"); break;
        case TypeConstraint::kNumber: types.push_back("a number"); break;
        case TypeConstraint::kObject: types.push_back("a map"); break;
        case TypeConstraint::kString: types.push_back(noun_.empty() ? "a string" : noun_); break;
        case TypeConstraint::kAny: break;
      }
      return true;
    });
    const bool wants_quotes = types == std::vector<std::string>{"a string"} &&
                              !spot_.value.is_structured() && !spot_.value.is_null();
    return fail("must be " + joined(types, " or ") + ", not " +
                (spot_.hidden ? article(spot_.value) : shown(spot_.value)) +
                (wants_quotes ? ": put it in quotes" : remedy_of_quotes(c)));
  }
  bool visit(const FormatConstraint& c) override {
    if (!spot_.value.is_string()) return true;  // valijson would throw
    const std::string& text = spot_.value.get_ref<const std::string&>();
    if (!format_noun(c.getFormat()).empty())
      return quantity(c.getFormat(), text) || must_be(format_noun(c.getFormat()));
    return text.size() > kMaxPatternText ? must_be("at most 4096 bytes long")
                                         : Judge::visit(c) || must_be("a " + c.getFormat());
  }

  bool visit(const EnumConstraint& c) override {
    if (Judge::visit(c)) return true;
    std::vector<std::string> words;
    for (const Value& constant : survey_.constants) {
      bool allowed = false;
      c.applyToValues([&](const valijson::adapters::FrozenValue& value) {
        return !(allowed = value.equalTo(Adapter(constant), true));
      });
      std::string word = constant.is_string() ? constant.get<std::string>() : constant.dump();
      if (allowed && std::find(words.begin(), words.end(), word) == words.end())
        words.push_back(std::move(word));
    }
    return must_be("one of " + joined(words, " or "));
  }
  bool visit(const ConstConstraint& c) override {
    if (Judge::visit(c)) return true;
    for (const Value& constant : survey_.constants) {
      if (c.getValue()->equalTo(Adapter(constant), true)) return must_be(constant.dump());
    }
    return fail("is not the value that is required");
  }

  bool visit(const MinimumConstraint& c) override {
    return Judge::visit(c) || must_be((c.getExclusiveMinimum() ? "greater than " : "at least ") +
                                      shown(c.getMinimum()));
  }
  bool visit(const MaximumConstraint& c) override {
    return Judge::visit(c) ||
           must_be((c.getExclusiveMaximum() ? "less than " : "at most ") + shown(c.getMaximum()));
  }
  bool visit(const MultipleOfIntConstraint& c) override {
    return Judge::visit(c) || must_be("a multiple of " + std::to_string(c.getDivisor()));
  }
  bool visit(const MultipleOfDoubleConstraint& c) override {
    return Judge::visit(c) || must_be("a multiple of " + shown(c.getDivisor()));
  }
  bool visit(const MinLengthConstraint& c) override {
    return Judge::visit(c) ||
           fail(c.getMinLength() == 1
                    ? "must not be empty"
                    : "must have at least " + shown(c.getMinLength(), "character"));
  }
  bool visit(const MaxLengthConstraint& c) override {
    return Judge::visit(c) || fail("must have at most " + shown(c.getMaxLength(), "character"));
  }
  bool visit(const MinItemsConstraint& c) override {
    return Judge::visit(c) ||
           fail(c.getMinItems() == 1 ? "must not be empty"
                                     : "must have at least " + shown(c.getMinItems(), "item"));
  }
  bool visit(const MaxItemsConstraint& c) override {
    return Judge::visit(c) || fail("must have at most " + shown(c.getMaxItems(), "item"));
  }
  bool visit(const MinPropertiesConstraint& c) override {
    return Judge::visit(c) ||
           fail(c.getMinProperties() == 1
                    ? "must not be empty"
                    : "must have at least " + shown(c.getMinProperties(), "key"));
  }
  bool visit(const MaxPropertiesConstraint& c) override {
    return Judge::visit(c) || fail("must have at most " + shown(c.getMaxProperties(), "key"));
  }
  bool visit(const UniqueItemsConstraint&) override {
    if (!spot_.value.is_array()) return true;
    // valijson compares every pair of items, which takes minutes for a long list.
    std::set<Value> seen;
    for (std::size_t i = 0; i < spot_.value.size(); ++i) {
      if (!seen.insert(spot_.value[i]).second)
        return at_item(i, mismatches_).fail("is a duplicate");
    }
    return true;
  }
  bool visit(const PatternConstraint& c) override {
    if (spot_.value.is_string() &&
        spot_.value.get_ref<const std::string&>().size() > kMaxPatternText)
      return must_be("at most 4096 bytes long");
    if (Judge::visit(c)) return true;
    const std::string pattern = c.getPattern<std::string::allocator_type>();
    const auto words = survey_.words.find(pattern);
    return words == survey_.words.end() ? fail("must match " + pattern + but_is())
                                        : must_be(words->second);
  }

  bool visit(const RequiredConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_object()) return ok;
    c.applyToRequiredProperties([&](const auto& name) {
      if (!spot_.value.contains(name.c_str()))
        ok = add(spot_.pointer, true, "missing " + ticked(name.c_str()) + ", which is required");
      return true;
    });
    return ok;
  }
  bool visit(const DependenciesConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_object()) return ok;
    c.applyToPropertyDependencies([&](const auto& name, const auto& others) {
      for (const auto& other : others) {
        if (spot_.value.contains(name.c_str()) && !spot_.value.contains(other.c_str())) {
          ok = add(child(spot_.pointer, name.c_str()), true,
                   ticked(name.c_str()) + " requires " + ticked(other.c_str()));
        }
      }
      return true;
    });
    c.applyToSchemaDependencies([&](const auto& name, const Subschema* schema) {
      if (spot_.value.contains(name.c_str())) ok = fits_beside(name.c_str(), *schema) && ok;
      return true;
    });
    return ok;
  }
  bool visit(const PropertiesConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_object()) return ok;
    std::set<std::string> matched;
    std::vector<std::string> known;
    const auto check = [&](const std::string& key, const Value& value, const Subschema& schema) {
      matched.insert(key);
      ok = at_member(key, value).explain(schema) && ok;
    };
    c.applyToProperties([&](const auto& name, const Subschema* schema) {
      const std::string& key = known.emplace_back(name.c_str());
      if (const auto member = spot_.value.find(key); member != spot_.value.end())
        check(key, *member, *schema);
      return true;
    });
    c.applyToPatternProperties([&](const auto& pattern, const Subschema* schema) {
      const std::regex regex(pattern.c_str());
      for (const auto& [key, value] : spot_.value.items()) {
        if (std::regex_search(key, regex)) check(key, value, *schema);
      }
      return true;
    });
    for (const auto& [key, value] : spot_.value.items()) {
      if (matched.count(key)) continue;
      if (const Subschema* other = c.getAdditionalPropertiesSubschema()) {
        ok = at_member(key, value).explain(*other) && ok;
      } else {
        ok = add(child(spot_.pointer, key), true, unknown(key, known));
      }
    }
    return ok;
  }
  bool visit(const PropertyNamesConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_object()) return ok;
    for (const auto& [key, value] : spot_.value.items()) {
      const Value name = key;
      ok = Explainer(survey_, {name, child(spot_.pointer, key), "the key " + ticked(key), false},
                     mismatches_)
               .explain(*c.getSubschema()) &&
           ok;
    }
    return ok;
  }
  bool visit(const SingularItemsConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_array() || !c.getItemsSubschema()) return ok;
    for (std::size_t i = 0; i < spot_.value.size(); ++i)
      ok = at_item(i, mismatches_).explain(*c.getItemsSubschema()) && ok;
    return ok;
  }
  bool visit(const LinearItemsConstraint& c) override {
    bool ok = true;
    if (!spot_.value.is_array()) return ok;
    c.applyToItemSubschemas([&](unsigned i, const Subschema* schema) {
      if (i < spot_.value.size()) ok = at_item(i, mismatches_).explain(*schema) && ok;
      return true;
    });
    for (std::size_t i = c.getItemSubschemaCount(); i < spot_.value.size(); ++i) {
      const Subschema* other = c.getAdditionalItemsSubschema();
      ok = (other ? at_item(i, mismatches_).explain(*other)
                  : fail("must have at most " + shown(c.getItemSubschemaCount(), "item"))) &&
           ok;
    }
    return ok;
  }
  bool visit(const ContainsConstraint& c) override {
    if (!spot_.value.is_array()) return true;
    std::vector<Mismatch> ignored;
    for (std::size_t i = 0; i < spot_.value.size(); ++i) {
      if (at_item(i, ignored).explain(*c.getSubschema())) return true;
    }
    return fail("lacks an item that is required");
  }

  bool visit(const AllOfConstraint& c) override {
    bool ok = true;
    c.applyToSubschemas([&](unsigned, const Subschema* schema) {
      ok = again(*schema, mismatches_) && ok;
      return true;
    });
    return ok;
  }
  bool visit(const AnyOfConstraint& c) override { return matches(c) > 0; }
  bool visit(const OneOfConstraint& c) override {
    const int count = matches(c);
    return count == 1 ||
           (count > 1 && fail("matches more than one of the alternatives that are allowed here"));
  }
  bool visit(const NotConstraint& c) override {
    std::vector<Mismatch> ignored;
    return (c.getSubschema() && !again(*c.getSubschema(), ignored)) || fail("is not allowed here");
  }
  bool visit(const ConditionalConstraint& c) override {
    std::vector<Mismatch> ignored;
    const Subschema* applies =
        again(*c.getIfSubschema(), ignored) ? c.getThenSubschema() : c.getElseSubschema();
    return !applies || again(*applies, mismatches_);
  }
  bool visit(const PolyConstraint& c) override {
    if (Judge::visit(c)) return true;
    return fail("must be " + static_cast<const Bound&>(c).words() +
                (spot_.hidden ? "" : ", not " + spot_.value.get<std::string>()));
  }

 private:
  /// Whether the value is a string only because of its quotes.
  bool has_quotes(const TypeConstraint& wanted) {
    if (!spot_.value.is_string() || survey_.origins.at(spot_.pointer).plain) return false;
    const Value bare = type_scalar(spot_.value.get<std::string>());
    return !bare.is_string() &&
           Judge(Adapter(bare), {}, true, nullptr, survey_.regexes).visit(wanted);
  }
  std::string remedy_of_quotes(const TypeConstraint& wanted) {
    return has_quotes(wanted) ? ": remove the quotes" : "";
  }
  bool add(std::string pointer, bool at_key, std::string text) {
    mismatches_.push_back({std::move(pointer), at_key, std::move(text)});
    return false;
  }
  bool fail(const std::string& text) { return add(spot_.pointer, false, spot_.name + ' ' + text); }
  bool must_be(const std::string& what) { return fail("must be " + what + but_is()); }
  std::string but_is() const { return spot_.hidden ? "" : ", not " + shown(spot_.value); }

  static std::string unknown(const std::string& key, const std::vector<std::string>& known) {
    const std::string near = suggest(key, known);
    if (!near.empty()) return "unknown key " + ticked(key) + ": did you mean " + ticked(near) + "?";
    return "unknown key " + ticked(key) +
           (known.empty() ? "" : ": known keys are " + joined(known, " and "));
  }

  Explainer at_member(const std::string& key, const Value& value) {
    const std::string pointer = child(spot_.pointer, key);
    const bool hidden =
        spot_.hidden || survey_.secrets.count(key) || survey_.origins.at(pointer).hidden;
    return Explainer(survey_, {value, pointer, ticked(key), hidden}, mismatches_);
  }
  Explainer at_item(std::size_t index, std::vector<Mismatch>& mismatches) {
    const std::string pointer = child(spot_.pointer, index);
    const bool hidden = spot_.hidden || survey_.origins.at(pointer).hidden;
    return Explainer(survey_,
                     {spot_.value[index], pointer,
                      "item " + std::to_string(index + 1) + " of " + spot_.name, hidden},
                     mismatches);
  }
  /// Whether the value fits a schema that applies because the key `name` is there.
  bool fits_beside(const char* name, const Subschema& schema) {
    constexpr std::string_view kHere = "here";
    std::vector<Mismatch> found;
    const bool ok = again(schema, found);
    for (Mismatch& mismatch : found) {
      if (mismatch.text.ends_with(kHere))
        mismatch.text.replace(mismatch.text.size() - kHere.size(), kHere.npos,
                              "beside " + ticked(name));
      mismatches_.push_back(std::move(mismatch));
    }
    return ok;
  }
  bool again(const Subschema& schema, std::vector<Mismatch>& mismatches) {
    return Explainer(survey_, spot_, mismatches).explain(schema);
  }

  /// The number of alternatives that fit. If none does, explains the nearest one, which failed
  /// deepest inside the value.
  template <class Alternatives>
  int matches(const Alternatives& c) {
    int count = 0;
    std::vector<Mismatch> nearest;
    c.applyToSubschemas([&](unsigned, const Subschema* schema) {
      std::vector<Mismatch> why;
      if (again(*schema, why)) {
        ++count;
      } else if (nearest.empty() || why[0].pointer.size() > nearest[0].pointer.size()) {
        nearest = std::move(why);
      } else if (why.size() == 1 && nearest.size() == 1 && why[0].pointer == nearest[0].pointer) {
        nearest[0].text += ", or " + why[0].text;
      }
      return true;
    });
    if (count == 0) mismatches_.insert(mismatches_.end(), nearest.begin(), nearest.end());
    return count;
  }

  Survey& survey_;
  const Spot spot_;
  std::vector<Mismatch>& mismatches_;
  std::string noun_;  // for a string of the format of the current schema
};
}  // namespace

std::vector<Mismatch> explain(const Value& value, const std::string& pointer,
                              const std::string& name, const Value& schema,
                              const Origins& origins) {
  Survey survey(schema, origins);
  valijson::Schema rules;
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.addConstraintBuilder("x-min", new BoundBuilder(true));  // takes ownership
  parser.addConstraintBuilder("x-max", new BoundBuilder(false));
  parser.populateSchema(Adapter(schema), rules);
  std::vector<Mismatch> mismatches;
  const bool hidden = survey.secrets.count("") || origins.at(pointer).hidden;
  Explainer(survey, {value, pointer, name, hidden}, mismatches).explain(rules);
  return mismatches;
}

std::set<std::string> secrets_of(const Value& schema) {
  return Survey(schema, Origins("")).secrets;
}

}  // namespace gatehouse::core
