namespace RftService.Engine.Tokenization.Templates;

/// <summary>The filters of Jinja that work on sequences.</summary>
internal static class SequenceFilters
{
    private static readonly Dictionary<string, TemplateFilter> All = new(StringComparer.Ordinal)
    {
        ["list"] = (context, value, arguments) => List(context, value, arguments.Only()),
        ["items"] = (_, value, arguments) => value switch
        {
            TemplateDictionary dictionary => Methods.Pairs(dictionary, arguments),
            Undefined => new TemplateList([]),
            _ => throw new TemplateException($"items: expected a dictionary, got {Operations.TypeName(value)}"),
        },
        ["dictsort"] = (context, value, arguments) => Sort(
            context, Methods.Pairs(value as TemplateDictionary ?? throw new TemplateException("dictsort: expected a dictionary"), arguments.Only()), pair => Operations.Item(pair, 0L), false, false),
        ["join"] = (context, value, arguments) => Methods.Join(
            context,
            Attributed(Operations.Iterate(value), arguments.Only("d", "attribute").Optional(1, "attribute")),
            Operations.Text(context, arguments.Optional(0, "d", ""))),
        ["first"] = (_, value, arguments) => arguments.Only() is var _ && Operations.Iterate(value).ToList() is [var first, ..] ? first : new Undefined("first"),
        ["last"] = (_, value, arguments) => arguments.Only() is var _ && Operations.Iterate(value).ToList() is [.., var last] ? last : new Undefined("last"),
        ["reverse"] = (context, value, arguments) => arguments.Only() is var _ && value is string text
            ? string.Concat(Operations.Characters(text).Reverse())
            : Made(context, Operations.Iterate(value).Reverse()),
        ["sort"] = (context, value, arguments) => Sort(
            context,
            new TemplateList(Operations.Iterate(value)),
            Key(arguments.Only("reverse", "case_sensitive", "attribute").Optional(2, "attribute")),
            Operations.IsTrue(arguments.Optional(0, "reverse", false)),
            Operations.IsTrue(arguments.Optional(1, "case_sensitive", false))),
        ["unique"] = (context, value, arguments) => Unique(context, value, Key(arguments.Only("attribute").Optional(0, "attribute"))),
        ["sum"] = (context, value, arguments) => Attributed(Operations.Iterate(value), arguments.Only("attribute").Optional(0, "attribute"))
            .Aggregate((object?)0L, (sum, item) => Operations.Arithmetic(context, "+", sum, item)),
        ["min"] = (_, value, arguments) => Extreme(value, Key(arguments.Only("attribute").Optional(0, "attribute")), -1),
        ["max"] = (_, value, arguments) => Extreme(value, Key(arguments.Only("attribute").Optional(0, "attribute")), 1),
        ["map"] = Map,
        ["select"] = (context, value, arguments) => Select(context, value, arguments, item => item, 0, wanted: true),
        ["reject"] = (context, value, arguments) => Select(context, value, arguments, item => item, 0, wanted: false),
        ["selectattr"] = (context, value, arguments) => Select(context, value, arguments, Key(arguments.Text(0, "attribute")), 1, wanted: true),
        ["rejectattr"] = (context, value, arguments) => Select(context, value, arguments, Key(arguments.Text(0, "attribute")), 1, wanted: false),
    };

    public static TemplateFilter? Find(string name) => All.GetValueOrDefault(name);

    private static TemplateList List(RenderContext context, object? value, Arguments arguments) =>
        arguments.Count == 0 ? Made(context, Operations.Iterate(value)) : throw new TemplateException("list: expected no arguments");

    private static TemplateList Made(RenderContext context, IEnumerable<object?> items)
    {
        var list = new TemplateList(items);
        context.Work(1 + list.Items.Count);
        return list;
    }

    private static TemplateList Map(RenderContext context, object? value, Arguments arguments)
    {
        if (arguments.Count == 0)
        {
            var key = Key(arguments.Only("attribute", "default").Required(0, "attribute"));
            var absent = arguments.Optional(1, "default");
            return Made(context, Operations.Iterate(value).Select(item => key(item) is Undefined && arguments.Named.ContainsKey("default") ? absent : key(item)));
        }

        var name = arguments.Text(0, "filter");
        var filter = Filters.Find(name) ?? throw new TemplateException($"the filter `{name}` is not supported");
        return Made(context, Operations.Iterate(value).Select(item => filter(context, item, arguments.After(1))));
    }

    private static TemplateList Select(
        RenderContext context, object? value, Arguments arguments, Func<object?, object?> key, int skip, bool wanted)
    {
        TemplateTest test = (item, _) => Operations.IsTrue(item);
        if (arguments.Count > skip)
        {
            var name = arguments.Text(skip, "test");
            test = Tests.Find(Parser.TestName(name)) ?? throw new TemplateException($"the test `{name}` is not supported");
        }

        var rest = arguments.After(skip + 1);
        return Made(context, Operations.Iterate(value).Where(item => test(key(item), rest) == wanted));
    }

    private static TemplateList Sort(RenderContext context, TemplateList list, Func<object?, object?> key, bool reverse, bool caseSensitive)
    {
        var comparer = Comparer<object?>.Create(Operations.Compare);
        object? Comparable(object? item) => key(item) is var part && part is string text && !caseSensitive ? text.ToLowerInvariant() : part;
        try
        {
            return Made(context, reverse ? list.Items.OrderByDescending(Comparable, comparer) : list.Items.OrderBy(Comparable, comparer));
        }
        catch (InvalidOperationException error) when (error.InnerException is TemplateException inner)
        {
            throw inner;
        }
    }

    private static TemplateList Unique(RenderContext context, object? value, Func<object?, object?> key)
    {
        var kept = new List<object?>();
        foreach (var item in Operations.Iterate(value))
        {
            if (!kept.Exists(other => Operations.AreEqual(context, key(other), key(item))))
            {
                kept.Add(item);
            }
        }

        return new TemplateList(kept);
    }

    private static object? Extreme(object? value, Func<object?, object?> key, int sign)
    {
        object? best = new Undefined("item");
        foreach (var item in Operations.Iterate(value))
        {
            best = best is Undefined || Operations.Compare(key(item), key(best)) * sign > 0 ? item : best;
        }

        return best;
    }

    private static IEnumerable<object?> Attributed(IEnumerable<object?> items, object? attribute) => items.Select(Key(attribute));

    // `a.b.0`: one step after the other, digits are places.
    private static Func<object?, object?> Key(object? attribute)
    {
        if (attribute is null or Undefined)
        {
            return item => item;
        }

        if (attribute is long place)
        {
            return item => Operations.Item(item, place);
        }

        var path = (attribute as string ?? throw new TemplateException("expected the name of an attribute")).Split('.')
            .Select(object (step) => long.TryParse(step, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var index) ? index : step)
            .ToArray();
        return item => path.Aggregate(item, (owner, step) => owner is TemplateDictionary or TemplateList ? Operations.Item(owner, step) : Operations.Attribute(owner, $"{step}"));
    }
}
