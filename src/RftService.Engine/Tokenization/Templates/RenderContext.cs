using System.Runtime.CompilerServices;
using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <summary>The variables of a block, on top of those around it.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, object?> _variables = new(StringComparer.Ordinal);

    public void Set(string name, object? value) => _variables[name] = value;

    public object? Get(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._variables.TryGetValue(name, out var value))
            {
                return value;
            }
        }

        return new Undefined(name);
    }

    private Scope? Parent => parent;
}

/// <summary>How a statement of a loop's body ended.</summary>
internal enum Flow
{
    Next,
    Continue,
    Break,
}

/// <summary>One rendering. A template comes from outside, so its work, its output and its nesting are bounded.</summary>
internal sealed class RenderContext(DateTime today)
{
    private const int MaxLength = 8_000_000;
    private const long MaxWork = 10_000_000;
    private long _work;

    public Scope Scope { get; private set; } = new(null);

    public StringBuilder Output { get; private set; } = new();

    public DateTime Today => today;

    /// <summary>Counts work done: one a node, and one for each few characters or items made.</summary>
    public void Work(long amount = 1)
    {
        _work += amount;
        if (_work > MaxWork)
        {
            throw new TemplateException($"it takes more than {MaxWork} steps");
        }
    }

    /// <summary>Refuses to go deeper before the stack ends: a stack overflow could not be caught.</summary>
    public static void Deeper()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateException("it is nested too deeply");
        }
    }

    public void Write(string text)
    {
        Length(Output.Length + (long)text.Length);
        Work(1 + (text.Length / 64));
        Output.Append(text);
    }

    /// <summary>Counts a text that was made.</summary>
    public string Made(string text)
    {
        Length(text.Length);
        Work(1 + (text.Length / 64));
        return text;
    }

    /// <summary>Refuses a text or list of this length, best before it is made.</summary>
    public static void Length(long length)
    {
        if (length > MaxLength)
        {
            throw new TemplateException($"it makes a text or list longer than {MaxLength}");
        }
    }

    /// <summary>Runs a body with variables of its own.</summary>
    public void Inside(Scope scope, Action body)
    {
        var outer = Scope;
        Scope = scope;
        try
        {
            body();
        }
        finally
        {
            Scope = outer;
        }
    }

    /// <summary>What a body writes, instead of writing it.</summary>
    public string Capture(Action body)
    {
        var outer = Output;
        Output = new StringBuilder();
        try
        {
            body();
            return Output.ToString();
        }
        finally
        {
            Output = outer;
        }
    }
}
