using System.Text.Json;
using static RftService.Engine.Rollouts.Constraints.GrammarNode;
using static RftService.Engine.Rollouts.Constraints.JsonGrammar;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>Makes the grammar of a schema. Whatever is begun can be ended: nesting is only begun where levels for it are left.</summary>
internal sealed class SchemaGrammar
{
    private readonly IReadOnlyDictionary<string, JsonShape> _definitions;
    private readonly Dictionary<string, int> _levels;
    private readonly Dictionary<string, GrammarRule> _rules;
    private readonly TextGrammar _texts = new();

    private SchemaGrammar(IReadOnlyDictionary<string, JsonShape> definitions)
    {
        _definitions = definitions;
        _levels = definitions.Keys.ToDictionary(name => name, _ => JsonShape.Endless, StringComparer.Ordinal);
        _rules = definitions.Keys.ToDictionary(name => name, _ => new GrammarRule(), StringComparer.Ordinal);
    }

    /// <summary>Any JSON object.</summary>
    public static GrammarRule AnyObject() => new() { Start = ObjectOfAll(0, AnyValue(), Return.Instance) };

    /// <summary>What a schema allows.</summary>
    /// <exception cref="SchemaRefusedException">It holds what is not supported, or allows nothing.</exception>
    public static GrammarRule Of(JsonElement schema)
    {
        var grammar = new SchemaGrammar(SchemaReader.Read(schema));
        grammar.Check();
        foreach (var (name, shape) in grammar._definitions)
        {
            grammar._rules[name].Start = grammar.Make(shape, 0, Return.Instance);
        }

        return grammar._rules[SchemaReader.Root];
    }

    private void Check()
    {
        // A definition's least levels follow from others'; each round settles at least one of them.
        for (var round = 0; round < _definitions.Count; round++)
        {
            foreach (var (name, shape) in _definitions)
            {
                _levels[name] = Math.Min(_levels[name], shape.LeastLevels(_levels));
            }
        }

        foreach (var name in _definitions.Keys)
        {
            var place = name[1..];
            if (Bare(name).Contains(name))
            {
                throw new SchemaRefusedException(place, "refers to itself with nothing in between");
            }

            if (_levels[name] > JsonAutomaton.MostLevels)
            {
                throw new SchemaRefusedException(place, $"no value of at most {JsonAutomaton.MostLevels} levels satisfies it: a reference leads back without end");
            }
        }
    }

    // Definitions that a value of this one may be without anything around it.
    private HashSet<string> Bare(string name)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(_definitions[name].Bare);
        while (open.TryPop(out var next))
        {
            if (found.Add(next))
            {
                foreach (var further in _definitions[next].Bare)
                {
                    open.Push(further);
                }
            }
        }

        return found;
    }

    // level: levels of nesting around the value inside its rule.
    private Guard Make(JsonShape shape, int level, GrammarNode next) => new Guard(level + shape.LeastLevels(_levels), shape switch
    {
        JsonShape.Literal literal => Either(literal.Texts.Select(text => Text(text, next))),
        JsonShape.AnyString => JsonGrammar.String(next),
        JsonShape.HeldString text => _texts.Of(text.Automaton, next),
        JsonShape.HeldNumber number => number.Range.Grammar(next)!,
        JsonShape.AnyNumber number => number.IsInteger ? Integer(next) : Number(next),
        JsonShape.AnyObject => ObjectOfAll(level, AnyValue(), next),
        JsonShape.Members members => Text("{", Members(members.All, level, Text("}", next))),
        JsonShape.Items items => Items(items, level, next),
        JsonShape.AnyOf any => Either(any.Ways.Select(way => Make(way, level, next))),
        JsonShape.Reference reference => new Call(_rules[reference.Name], level, next),
        _ => throw new InvalidOperationException($"no grammar for {shape.GetType().Name}"),
    });

    private GrammarNode Members(IReadOnlyList<(string Name, JsonShape Value)> all, int level, GrammarNode next)
    {
        for (var i = all.Count - 1; i >= 0; i--)
        {
            var member = Text(all[i].Name, Sign(':', Make(all[i].Value, level + 1, next)));
            next = i > 0 ? Sign(',', member) : member;
        }

        return next;
    }

    private GrammarNode Items(JsonShape.Items items, int level, GrammarNode next)
    {
        // A rule, because a bounded list holds its item many times.
        var rule = new GrammarRule { Start = Make(items.Item, 0, Return.Instance) };
        var needed = level + 1 + items.Item.LeastLevels(_levels);
        return JsonGrammar.Array(then => new Guard(needed, new Call(rule, level + 1, then)), items.Least, items.Most, next);
    }

    private static GrammarRule AnyValue()
    {
        var value = new GrammarRule();
        value.Start = Either(
            JsonGrammar.String(Return.Instance),
            Number(Return.Instance),
            Text("true", Return.Instance),
            Text("false", Return.Instance),
            Text("null", Return.Instance),
            new Guard(1, ObjectOfAll(0, value, Return.Instance)),
            new Guard(1, JsonGrammar.Array(then => new Call(value, 1, then), 0, null, Return.Instance)));
        return value;
    }

    private static GrammarNode ObjectOfAll(int level, GrammarRule value, GrammarNode next)
    {
        var end = Text("}", next);
        var behind = new Split { Ways = [end] };
        var member = JsonGrammar.String(Sign(':', new Call(value, level + 1, behind)));
        behind.Ways.Add(Sign(',', member));
        return Text("{", Either(end, member));
    }
}
