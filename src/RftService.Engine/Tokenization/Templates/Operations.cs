using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>Python's rules for the values of a template.</summary>
internal static class Operations
{
    public static string TypeName(object? value) => value switch
    {
        null => "none",
        Undefined undefined => $"`{undefined.Name}` (undefined)",
        bool => "a boolean",
        long => "a whole number",
        double => "a number",
        string => "a string",
        TemplateList => "a list",
        TemplateDictionary => "a dictionary",
        TemplateNamespace => "a namespace",
        _ => "a function",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        TemplateList list => list.Items.Count > 0,
        TemplateDictionary dictionary => dictionary.Items.Count > 0,
        _ => true,
    };

    /// <summary>What `{{ value }}` prints.</summary>
    public static string Text(RenderContext context, object? value) => value switch
    {
        string text => text,
        Undefined => "",
        _ => Written.AsPython(context, value),
    };

    /// <summary>Characters as Python counts them: code points.</summary>
    public static IReadOnlyList<string> Characters(string text) => text.EnumerateRunes().Select(rune => rune.ToString()).ToArray();

    public static IEnumerable<object?> Iterate(object? value) => value switch
    {
        TemplateList list => list.Items,
        TemplateDictionary dictionary => dictionary.Items.Keys,
        string text => Characters(text),
        Undefined => [],
        _ => throw new TemplateException($"{TypeName(value)} cannot be iterated"),
    };

    public static object? Attribute(object? owner, string name) => owner switch
    {
        Undefined undefined => throw new TemplateException($"`{undefined.Name}` is undefined and has no attribute `{name}`"),
        TemplateNamespace space => space.Attributes.TryGetValue(name, out var value) ? value : new Undefined(name),
        TemplateDictionary dictionary => Methods.Find(owner, name) ?? dictionary.Get(name, new Undefined(name)),
        _ => Methods.Find(owner, name) ?? (object)new Undefined(name),
    };

    public static object? Item(object? owner, object? key)
    {
        switch (owner, key)
        {
            case (Undefined undefined, _):
                throw new TemplateException($"`{undefined.Name}` is undefined and has no items");
            case (TemplateDictionary dictionary, _):
                return dictionary.Get(key, new Undefined(key as string ?? "item"));
            case (TemplateList list, long index):
                return At(list.Items, index);
            case (string text, long index):
                return At(Characters(text), index);
            case (_, string name):
                return Attribute(owner, name);
            default:
                return new Undefined("item");
        }

        static object? At<T>(IReadOnlyList<T> items, long index)
        {
            var place = index < 0 ? index + items.Count : index;
            return place >= 0 && place < items.Count ? items[(int)place] : new Undefined("item");
        }
    }

    public static bool AreEqual(RenderContext context, object? left, object? right)
    {
        context.Work();
        RenderContext.Deeper();
        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string a, string b) => a == b,
            (TemplateList a, TemplateList b) =>
                a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => AreEqual(context, pair.First, pair.Second)),
            (TemplateDictionary a, TemplateDictionary b) => a.Items.Count == b.Items.Count
                && a.Items.All(pair => b.Items.TryGetValue(pair.Key, out var other) && AreEqual(context, pair.Value, other)),
            _ when Number(left) is { } a && Number(right) is { } b => a == b,
            _ => ReferenceEquals(left, right) && left is not null,
        };
    }

    public static bool Contains(RenderContext context, object? container, object? value)
    {
        switch (container)
        {
            case string text:
                context.Work(1 + (text.Length / 64));
                return text.Contains(
                    value as string ?? throw new TemplateException($"expected a string left of `in`, got {TypeName(value)}"), StringComparison.Ordinal);
            case TemplateDictionary dictionary:
                return value is not null && dictionary.Items.ContainsKey(value);
            default:
                return Iterate(container).Any(item => AreEqual(context, item, value));
        }
    }

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (string a, string b) => string.CompareOrdinal(a, b),
        _ when Number(left) is { } a && Number(right) is { } b => a.CompareTo(b),
        _ => throw new TemplateException($"{TypeName(left)} and {TypeName(right)} have no order"),
    };

    public static object? Arithmetic(RenderContext context, string sign, object? left, object? right)
    {
        switch (sign, left, right)
        {
            case ("+", string a, string b):
                RenderContext.Length((long)a.Length + b.Length);
                return context.Made(a + b);
            case ("+", TemplateList a, TemplateList b):
                RenderContext.Length((long)a.Items.Count + b.Items.Count);
                context.Work(a.Items.Count + b.Items.Count);
                return new TemplateList(a.Items.Concat(b.Items), a.IsTuple);
            case ("*", string text, long times):
                RenderContext.Length(text.Length * Math.Clamp(times, 0, int.MaxValue));
                return context.Made(new StringBuilder().Insert(0, text, (int)Math.Max(0, times)).ToString());
        }

        if (Number(left) is not { } x || Number(right) is not { } y)
        {
            throw new TemplateException($"`{sign}` does not take {TypeName(left)} and {TypeName(right)}");
        }

        try
        {
            return left is not double && right is not double && sign is not "/" ? Whole(sign, ToWhole(left!), ToWhole(right!)) : Real(sign, x, y);
        }
        catch (Exception error) when (error is OverflowException or DivideByZeroException)
        {
            throw new TemplateException($"`{sign}`: {error.Message}", error);
        }
    }

    /// <summary>The value of a number or boolean; null for anything else.</summary>
    public static double? Number(object? value) => value switch
    {
        bool truth => truth ? 1 : 0,
        long number => number,
        double number => number,
        _ => null,
    };

    private static long ToWhole(object value) => value is bool truth ? truth ? 1 : 0 : (long)value;

    private static object Whole(string sign, long x, long y) => sign switch
    {
        "+" => (object)checked(x + y), // boxed here: else the arms' common type would be double
        "-" => checked(x - y),
        "*" => checked(x * y),
        "//" => (x / y) - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0), // Python rounds down
        "%" => ((x % y) + y) % y,
        "**" when y >= 0 => Power(x, y),
        "**" => Math.Pow(x, y),
        _ => throw new InvalidOperationException(sign),
    };

    private static double Real(string sign, double x, double y) => sign switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" or "//" or "%" when y == 0 => throw new DivideByZeroException(),
        "/" => x / y,
        "//" => Math.Floor(x / y),
        "%" => x - (y * Math.Floor(x / y)),
        "**" => Math.Pow(x, y),
        _ => throw new InvalidOperationException(sign),
    };

    private static long Power(long x, long y)
    {
        var power = 1L;
        for (var i = 0L; i < y && x is not (0 or 1 or -1); i++)
        {
            power = checked(power * x);
        }

        return x switch
        {
            0 => y == 0 ? 1 : 0,
            1 => 1,
            -1 => y % 2 == 0 ? 1 : -1,
            _ => power,
        };
    }
}
