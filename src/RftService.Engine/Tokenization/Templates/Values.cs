namespace RftService.Engine.Tokenization.Templates;

// Values are: null (none), Undefined, bool, long, double, string, and the types below.

/// <summary>What a template cannot read, or may not do.</summary>
internal sealed class TemplateException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A name without a value: prints as nothing, is false, and has no attributes.</summary>
internal sealed record Undefined(string Name);

/// <summary>A list, or a tuple, which differs in how it prints only.</summary>
internal sealed class TemplateList(IEnumerable<object?> items, bool isTuple = false)
{
    public List<object?> Items { get; } = [.. items];

    public bool IsTuple => isTuple;
}

/// <summary>A dictionary in insertion order.</summary>
internal sealed class TemplateDictionary
{
    public OrderedDictionary<object, object?> Items { get; } = [];

    public static TemplateDictionary Of(params ReadOnlySpan<(string Key, object? Value)> items)
    {
        var dictionary = new TemplateDictionary();
        foreach (var (key, value) in items)
        {
            dictionary.Items[key] = value;
        }

        return dictionary;
    }

    public object? Get(object? key, object? absent) => key is not null and not Undefined && Items.TryGetValue(key, out var value) ? value : absent;
}

/// <summary>What `namespace()` makes: the only thing a loop can change outside of itself.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something that can be called.</summary>
internal delegate object? TemplateFunction(RenderContext context, Arguments arguments);

/// <summary>The arguments of a call. A function takes what it knows and refuses the rest.</summary>
internal sealed class Arguments(string function, List<object?> positional, Dictionary<string, object?> named)
{
    public int Count => positional.Count;

    public IReadOnlyList<object?> Positional => positional;

    public IReadOnlyDictionary<string, object?> Named => named;

    /// <summary>The argument at a place or of a name; <paramref name="absent"/> when there is none.</summary>
    public object? Optional(int index, string name, object? absent = null) =>
        index < positional.Count ? positional[index] : named.TryGetValue(name, out var value) ? value : absent;

    public object? Required(int index, string name) =>
        index < positional.Count || named.ContainsKey(name)
            ? Optional(index, name)
            : throw new TemplateException($"{function}: expected the argument `{name}`, got none");

    public string Text(int index, string name) =>
        Required(index, name) as string ?? throw new TemplateException($"{function}: expected a string for `{name}`");

    /// <summary>Refuses arguments beyond these.</summary>
    public Arguments Only(params ReadOnlySpan<string> names)
    {
        if (positional.Count > names.Length)
        {
            throw new TemplateException($"{function}: expected at most {names.Length} arguments, got {positional.Count}");
        }

        foreach (var name in named.Keys)
        {
            if (!names.Contains(name))
            {
                throw new TemplateException($"{function}: the argument `{name}` is not supported");
            }
        }

        return this;
    }

    public Arguments After(int count) => new(function, positional.Skip(count).ToList(), named);
}
