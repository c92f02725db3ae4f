namespace RftService.Engine.Rollouts.Constraints;

/// <summary>What a schema allows, once it is read.</summary>
internal abstract record JsonShape
{
    /// <summary>Stands for no finite value at all.</summary>
    public const int Endless = 1_000_000;

    /// <summary>Fewest levels of nesting that a value has, with those of the definitions.</summary>
    public abstract int LeastLevels(IReadOnlyDictionary<string, int> definitions);

    /// <summary>Names of definitions that a value may be without anything around it.</summary>
    public virtual IEnumerable<string> Bare => [];

    /// <summary>Given texts.</summary>
    internal sealed record Literal(IReadOnlyList<string> Texts, int Levels) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => Levels;
    }

    /// <summary>Any text in quotes.</summary>
    internal sealed record AnyString : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 0;
    }

    /// <summary>A text in quotes that an automaton allows.</summary>
    internal sealed record HeldString(TextAutomaton Automaton) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 0;
    }

    /// <summary>A number between bounds.</summary>
    internal sealed record HeldNumber(NumberRange Range) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 0;
    }

    /// <summary>Any number.</summary>
    internal sealed record AnyNumber(bool IsInteger) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 0;
    }

    /// <summary>Any object at all.</summary>
    internal sealed record AnyObject : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 1;
    }

    /// <summary>All of these members, in this order.</summary>
    internal sealed record Members(IReadOnlyList<(string Name, JsonShape Value)> All) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) =>
            1 + All.Select(member => member.Value.LeastLevels(definitions)).DefaultIfEmpty(0).Max();
    }

    /// <summary>A list.</summary>
    internal sealed record Items(JsonShape Item, int Least, int? Most) : JsonShape
    {
        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => 1 + (Least > 0 ? Item.LeastLevels(definitions) : 0);
    }

    /// <summary>Any of these.</summary>
    internal sealed record AnyOf(IReadOnlyList<JsonShape> Ways) : JsonShape
    {
        public override IEnumerable<string> Bare => Ways.SelectMany(way => way.Bare);

        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => Ways.Min(way => way.LeastLevels(definitions));
    }

    /// <summary>What a definition says.</summary>
    internal sealed record Reference(string Name) : JsonShape
    {
        public override IEnumerable<string> Bare => [Name];

        public override int LeastLevels(IReadOnlyDictionary<string, int> definitions) => definitions[Name];
    }
}
